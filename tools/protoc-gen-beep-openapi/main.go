// Command protoc-gen-beep-openapi describes the REST API: from the contracts' http annotations and comments,
// and from an executed example of each method, it writes openapi.yaml (OpenAPI 3.1) and docs.html, the same
// for people. Run by make gen.
package main

import (
	"flag"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	var flags flag.FlagSet
	examples := flags.String("examples", "", "folder with one <Service>_<Method>.json for each method")
	protogen.Options{ParamFunc: flags.Set}.Run(func(p *protogen.Plugin) error {
		p.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		api := &api{}
		for _, f := range p.Files {
			if !f.Generate {
				continue
			}
			for _, s := range f.Services {
				if err := api.addService(s, *examples); err != nil {
					return err
				}
			}
		}
		slices.SortStableFunc(api.ops, func(a, b *operation) int {
			return strings.Compare(a.service+a.path, b.service+b.path)
		})
		if len(api.ops) == 0 {
			return nil
		}
		if err := api.writeYAML(p.NewGeneratedFile("openapi.yaml", "")); err != nil {
			return err
		}
		return api.writeHTML(p.NewGeneratedFile("docs.html", ""))
	})
}

// api is what the contracts say of REST.
type api struct{ ops []*operation }

// operation is one method at one path.
type operation struct {
	service, name string  // "Messages", "SendMessage"
	verb, path    string  // "post", "/api/channels/{channel_id}/messages"
	summary       string  // first sentence of the comment
	about         string  // all of it
	status        string  // of success
	in            []field // path and query parameters
	body          []field
	answer        *protogen.Message // nil: empty
	answerList    bool
	example       example
}

// field is one parameter or property.
type field struct {
	name, where, about string
	required           bool
	desc               *protogen.Field
}

func (a *api) addService(s *protogen.Service, examples string) error {
	for _, m := range s.Methods {
		rule, ok := proto.GetExtension(m.Desc.Options().(*descriptorpb.MethodOptions), annotations.E_Http).(*annotations.HttpRule)
		if !ok || rule == nil {
			continue
		}
		op := &operation{service: s.GoName, name: m.GoName, about: text(m.Comments.Leading)}
		op.summary, _, _ = strings.Cut(op.about, ". ")
		op.summary = strings.TrimSuffix(strings.TrimPrefix(op.summary, op.name+" "), ".")
		op.verb, op.path = verbOf(rule)
		op.fields(m.Input, rule.GetBody())
		op.answers(m.Output, rule.GetResponseBody())
		var err error
		if op.example, err = readExample(examples, op.service+"_"+op.name); err != nil {
			return err
		}
		a.ops = append(a.ops, op)
	}
	return nil
}

func verbOf(r *annotations.HttpRule) (verb, path string) {
	switch p := r.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return "get", p.Get
	case *annotations.HttpRule_Post:
		return "post", p.Post
	case *annotations.HttpRule_Put:
		return "put", p.Put
	case *annotations.HttpRule_Patch:
		return "patch", p.Patch
	case *annotations.HttpRule_Delete:
		return "delete", p.Delete
	}
	return "", ""
}

func (op *operation) fields(in *protogen.Message, body string) {
	for _, f := range in.Fields {
		x := field{name: string(f.Desc.Name()), about: text(f.Comments.Leading), desc: f}
		switch {
		case strings.Contains(op.path, "{"+x.name+"}"):
			x.where, x.required = "path", true
			op.in = append(op.in, x)
		case body == "*":
			op.body = append(op.body, x)
		default:
			x.where = "query"
			op.in = append(op.in, x)
		}
	}
}

func (op *operation) answers(out *protogen.Message, body string) {
	op.status = "200"
	switch {
	case len(out.Fields) == 0:
		op.status = "204"
		return
	case strings.HasPrefix(op.name, "Create"), strings.HasPrefix(op.name, "Send"):
		op.status = "201"
	}
	op.answer = out
	for _, f := range out.Fields {
		if string(f.Desc.Name()) == body {
			op.answer = f.Message
		}
	}
}

// text is a comment as one paragraph.
func text(c protogen.Comments) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(string(c), "//", "")), " ")
}
