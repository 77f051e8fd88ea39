// Package api holds the contracts: a proto for each service under beep, the generated code beside it, the
// description of the REST API made from them, and fixtures that the Go and the client's tests share.
package api

import _ "embed" // for the description

// OpenAPI is the description of the REST API, OpenAPI 3.1.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Docs is the same for people, one page of HTML without scripts.
//
//go:embed docs.html
var Docs []byte
