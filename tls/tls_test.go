package tls_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/tls"
	"github.com/deisgo/deis/version"
)

const path = "/v2/apps/example-go/tls/"

func TestEnforceTurnsHTTPSOnAndOff(t *testing.T) {
	client := exchange.Client(t, "2.3",
		exchange.On("GET "+path, "", 200, `{"app": "example-go", "uuid": "280ddb6e", "https_enforced": null}`),
		exchange.On("POST "+path, `{"https_enforced": true}`, 201, `{"app": "example-go", "uuid": "280ddb6f", "https_enforced": true}`),
		exchange.On("POST "+path, `{"https_enforced": true}`, 409, `{"detail":"alice changed nothing"}`),
		exchange.On("POST "+path, `{"https_enforced": false}`, 201, `{"app": "example-go", "uuid": "280ddb70", "https_enforced": false}`),
	)
	got, err := client.TLS.Get(t.Context(), "example-go")
	require.NoError(t, err)
	assert.False(t, got.HTTPSEnforced, "null is the state of a new app")
	got, err = client.TLS.Enforce(t.Context(), "example-go", true)
	require.NoError(t, err)
	assert.True(t, got.HTTPSEnforced)
	_, err = client.TLS.Enforce(t.Context(), "example-go", true)
	assert.ErrorIs(t, err, tls.ErrUnchanged)
	got, err = client.TLS.Enforce(t.Context(), "example-go", false)
	require.NoError(t, err)
	assert.False(t, got.HTTPSEnforced)
}

func TestEnforcingHTTPSNeedsAPI23(t *testing.T) {
	for _, api := range []string{"1.6", "2.2"} {
		client := exchange.Client(t, api)
		_, get := client.TLS.Get(t.Context(), "example-go")
		_, enforce := client.TLS.Enforce(t.Context(), "example-go", true)
		for _, err := range []error{get, enforce} {
			var unsupported *version.UnsupportedError
			require.ErrorAs(t, err, &unsupported, api)
			assert.Equal(t, version.V2_3, unsupported.Need)
		}
	}
}
