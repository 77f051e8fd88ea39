package rest

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/beep-chat/beep"
)

// routes holds, as "METHOD pattern", the methods of all contracts that take parameters in the query. Of the others
// grpc-gateway does not read it, so that a request with a mistyped parameter would have an effect.
type routes map[string]bool

var variable = regexp.MustCompile(`\{([a-z_]+)\}`)

func withQuery() routes {
	found := routes{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				found.add(methods.Get(j))
			}
		}
		return true
	})
	return found
}

func (q routes) add(m protoreflect.MethodDescriptor) {
	rule, ok := proto.GetExtension(m.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok || rule == nil {
		return
	}
	// Methods with a body take no query at all, which is checked without asking here.
	method, path := http.MethodGet, rule.GetGet()
	if path == "" {
		method, path = http.MethodDelete, rule.GetDelete()
	}
	if path != "" && m.Input().Fields().Len() > len(variable.FindAllString(path, -1)) {
		q[method+" "+variable.ReplaceAllString(path, "{$1=*}")] = true
	}
}

// takes says whether the route that r was matched to has parameters.
func (q routes) takes(r *http.Request) bool {
	pattern, ok := runtime.HTTPPattern(r.Context())
	return ok && q[r.Method+" "+pattern.String()]
}

// queryParser refuses parameters that the method does not have, and lists given for single values.
type queryParser struct{}

// Parse fills msg from values; filter holds the fields that the path has set.
func (queryParser) Parse(msg proto.Message, values url.Values, filter *utilities.DoubleArray) error {
	fields := msg.ProtoReflect().Descriptor().Fields()
	for key, list := range values {
		f := fields.ByName(protoreflect.Name(key))
		switch {
		case f == nil || f.Kind() == protoreflect.MessageKind || filter.HasCommonPrefix([]string{key}):
			return beep.Invalid(beep.CodeInvalidQuery, "there is no parameter "+quote(key))
		case !f.IsList() && len(list) != 1:
			return beep.Invalid(beep.CodeInvalidQuery, "the parameter "+key+" is there twice")
		case slices.ContainsFunc(list, func(v string) bool { return !utf8.ValidString(v) }):
			return beep.Invalid(beep.CodeInvalidQuery, "the parameter "+key+" is not UTF-8")
		case f.Kind() == protoreflect.Uint64Kind:
			for _, v := range list {
				if _, err := beep.ParseID[any](v); err != nil {
					return err
				}
			}
		}
	}
	if err := (&runtime.DefaultQueryParser{}).Parse(msg, values, filter); err != nil {
		return beep.Invalid(beep.CodeInvalidQuery, "a parameter has the wrong type")
	}
	return nil
}

func quote(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return "\"" + strings.ToValidUTF8(s, "?") + "\""
}
