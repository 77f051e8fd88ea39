package main

import (
	"encoding/json"
	"html/template"
	"io"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var page = template.Must(template.New("docs").Funcs(template.FuncMap{"upper": strings.ToUpper}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Beep API</title><link rel="stylesheet" href="/docs/docs.css"></head>
<body><nav aria-label="Methods"><p class="brand">Beep API</p>{{range .Services}}<h2>{{.Name}}</h2><ul>{{range .Ops}}
<li><a href="#{{.ID}}">{{.Name}}</a></li>{{end}}</ul>{{end}}</nav>
<main><h1>REST API</h1>
<p>Every path takes and answers JSON. Ids are 64-bit numbers as decimal strings. Send <code>Authorization: Bearer</code> with an access
token of the OpenID Provider at <a href="/.well-known/openid-configuration">this address</a>. A refusal is a problem document (RFC 9457):
switch on its <code>code</code>. Unknown fields and parameters are refused. Every example below is executed by the tests. Machine-readable:
<a href="/api/openapi.yaml">openapi.yaml</a>.</p>
{{range .Services}}{{range .Ops}}<section id="{{.ID}}"><h2>{{.Name}}</h2>
<p class="route"><b>{{upper .Verb}}</b> <code>{{.Path}}</code></p><p>{{.About}}</p>
{{if .Fields}}<table><thead><tr><th scope="col">Field</th><th scope="col">In</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>
{{range .Fields}}<tr><td><code>{{.Name}}</code></td><td>{{.Where}}</td><td>{{.Type}}</td><td>{{.About}}</td></tr>
{{end}}</tbody></table>{{end}}
{{if .Body}}<p>Request</p><pre tabindex="0">{{.Body}}</pre>{{end}}<p>Answer {{.Status}}</p>{{if .Answer}}<pre tabindex="0">{{.Answer}}</pre>{{end}}
</section>
{{end}}{{end}}</main></body></html>
`))

type htmlService struct {
	Name string
	Ops  []htmlOp
}

type htmlOp struct {
	ID, Name, Verb, Path, About, Status, Body, Answer string
	Fields                                            []htmlField
}

type htmlField struct{ Name, Where, Type, About string }

func (a *api) writeHTML(w io.Writer) error {
	var services []htmlService
	for _, op := range a.ops {
		if len(services) == 0 || services[len(services)-1].Name != op.service {
			services = append(services, htmlService{Name: op.service})
		}
		s := &services[len(services)-1]
		s.Ops = append(s.Ops, op.html())
	}
	return page.Execute(w, struct{ Services []htmlService }{services})
}

func (op *operation) html() htmlOp {
	h := htmlOp{
		ID: op.service + "_" + op.name, Name: op.name, Verb: op.verb, Path: op.path, About: op.about, Status: op.status,
		Body: indent(op.example.Body), Answer: indent(op.example.Answer),
	}
	for _, f := range op.in {
		h.Fields = append(h.Fields, htmlField{f.name, f.where, typeName(f.desc), f.about})
	}
	for _, f := range op.body {
		h.Fields = append(h.Fields, htmlField{f.name, "body", typeName(f.desc), f.about})
	}
	return h
}

func typeName(f *protogen.Field) string {
	name := map[protoreflect.Kind]string{
		protoreflect.BoolKind: "boolean", protoreflect.Uint32Kind: "integer", protoreflect.Uint64Kind: "id", protoreflect.StringKind: "string",
	}[f.Desc.Kind()]
	if f.Desc.IsList() {
		return "list of " + name
	}
	return name
}

func indent(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return ""
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if enc.Encode(v) != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}
