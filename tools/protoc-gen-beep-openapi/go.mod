module github.com/beep-chat/beep/tools/protoc-gen-beep-openapi

go 1.26.0

tool github.com/beep-chat/beep/tools/protoc-gen-beep-openapi

require (
	google.golang.org/genproto/googleapis/api v0.0.0-20261110000943-09e21b237f2c
	google.golang.org/protobuf v1.36.12
	gopkg.in/yaml.v3 v3.0.1
)
