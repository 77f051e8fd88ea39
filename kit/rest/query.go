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

// routes are the methods of all contracts, as "METHOD pattern".
type routes map[string]route

// route is what is checked of a method before grpc-gateway reads the request.
type route struct {
	input protoreflect.MessageDescriptor
	// query says whether it takes parameters. Otherwise grpc-gateway does not read the query, so that a request with
	// a mistyped parameter would have an effect.
	query bool
}

// variable is one in the template of a path. No contract of ours gives one a pattern of its own ({name=a/*}).
var variable = regexp.MustCompile(`\{([a-z_]+)\}`)

// allRoutes goes by every contract that is linked in. One that this edge does not serve is never asked for.
func allRoutes() routes {
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
	r := route{input: m.Input()}
	for method, path := range map[string]string{
		http.MethodGet: rule.GetGet(), http.MethodDelete: rule.GetDelete(), http.MethodPost: rule.GetPost(),
		http.MethodPut: rule.GetPut(), http.MethodPatch: rule.GetPatch(),
	} {
		if path == "" {
			continue
		}
		// What is neither in the path nor in the body is left for the query.
		r.query = rule.GetBody() == "" && m.Input().Fields().Len() > len(variable.FindAllString(path, -1))
		// As grpc-gateway prints a pattern: see of.
		q[method+" "+variable.ReplaceAllString(path, "{$1=*}")] = r
	}
}

// of is the route that r was matched to; of one without a contract nothing is known.
func (q routes) of(r *http.Request) route {
	pattern, ok := runtime.HTTPPattern(r.Context())
	if !ok {
		return route{}
	}
	return q[r.Method+" "+pattern.String()]
}

// queryParser refuses parameters that the method does not have, and lists given for single values.
type queryParser struct{}

// Parse fills msg from values; filter holds the fields that the path has set.
func (queryParser) Parse(msg proto.Message, values url.Values, filter *utilities.DoubleArray) error {
	fields := msg.ProtoReflect().Descriptor().Fields()
	for key, list := range values {
		f := fields.ByName(protoreflect.Name(key))
		switch {
		// The fields of the path are no parameters: of two values for one, one would be passed over.
		case f == nil || f.Kind() == protoreflect.MessageKind || filter.HasCommonPrefix([]string{key}):
			return beep.Invalid(beep.CodeInvalidQuery, "there is no parameter "+quote(key))
		case !f.IsList() && len(list) != 1:
			return beep.Invalid(beep.CodeInvalidQuery, "the parameter "+key+" is there twice")
		case slices.ContainsFunc(list, func(v string) bool { return !utf8.ValidString(v) }):
			return beep.Invalid(beep.CodeInvalidQuery, "the parameter "+key+" is not UTF-8")
		}
		if err := checkParameter(f, list); err != nil {
			return err
		}
	}
	if err := (&runtime.DefaultQueryParser{}).Parse(msg, values, filter); err != nil {
		return beep.Invalid(beep.CodeInvalidQuery, "a parameter has the wrong type")
	}
	return nil
}

// checkParameter holds numbers to their one form; grpc-gateway would take "007".
func checkParameter(f protoreflect.FieldDescriptor, list []string) error {
	for _, v := range list {
		switch f.Kind() { //nolint:exhaustive // the parser refuses what is wrong of the others
		case protoreflect.Uint64Kind:
			if _, err := beep.ParseID[any](v); err != nil {
				return beep.Invalid(beep.CodeInvalidID, "the parameter "+string(f.Name())+" is not an id")
			}
		case protoreflect.Uint32Kind:
			if !decimal(v) {
				return beep.Invalid(beep.CodeInvalidQuery, "the parameter "+string(f.Name())+" is not a whole number")
			}
		}
	}
	return nil
}

// quote bounds what of a request comes back in the answer.
func quote(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return "\"" + strings.ToValidUTF8(s, "?") + "\""
}
