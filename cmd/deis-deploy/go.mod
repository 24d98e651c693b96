// The deploy tool: a module of its own, so that what it needs costs importers of the SDK nothing.
module github.com/deisgo/deis/cmd/deis-deploy

go 1.25.0

replace github.com/deisgo/deis => ../../

require (
	github.com/compose-spec/compose-go/v2 v2.16.2
	github.com/deisgo/deis v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
	go.yaml.in/yaml/v3 v3.0.6
)

require (
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/sirupsen/logrus v1.10.1 // indirect
	golang.org/x/sys v0.20.0 // indirect
)
