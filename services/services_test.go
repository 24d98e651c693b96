package services_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/services"
	"github.com/deisgo/deis/version"
)

const path = "/v2/apps/example-go/services/"

var api = services.CreateParams{ProcfileType: "api", PathPattern: "/api/.*"}

func TestAServiceIsCreatedListedAndDeleted(t *testing.T) {
	client := exchange.Client(t, "2.3",
		exchange.On("POST "+path, `{"procfile_type": "api", "path_pattern": "/api/.*"}`, 201, ""),
		exchange.On("POST "+path, `{"procfile_type": "api", "path_pattern": "/api/.*"}`, 204, ""), // the same again
		exchange.On("GET "+path, "", 200, `{"services": [{"procfile_type": "api", "path_pattern": "/api/.*"}]}`),
		exchange.On("GET "+path, "", 200, `{"services": [{"procfile_type": "api", "path_pattern": "/api/.*"}]}`),
		exchange.On("DELETE "+path, `{"procfile_type": "api"}`, 204, ""),
		exchange.On("GET "+path, "", 200, `{"services": []}`),
	)
	require.NoError(t, client.Services.Create(t.Context(), "example-go", api))
	require.NoError(t, client.Services.Create(t.Context(), "example-go", api))
	routes, err := client.Services.List(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Equal(t, []services.Route{{ProcfileType: "api", PathPattern: "/api/.*"}}, routes)
	require.NoError(t, client.Services.Delete(t.Context(), "example-go", "api"))
	routes, err = client.Services.List(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Empty(t, routes)
}

// Controllers of Workflow v2.5 and v2.6 read the path as the app's own: a DELETE of it destroys the app.
func TestAControllerWithoutServicesIsUnsupported(t *testing.T) {
	const app = `{"id": "example-go", "owner": "alice", "structure": {"web": 1}}`
	for method, c := range map[string]struct {
		exchange exchange.Exchange
		call     func(context.Context, *services.Service) error
	}{
		"List":   {exchange.On("GET "+path, "", 200, app), func(ctx context.Context, s *services.Service) error { _, err := s.List(ctx, "example-go"); return err }},
		"Delete": {exchange.On("GET "+path, "", 200, app), func(ctx context.Context, s *services.Service) error { return s.Delete(ctx, "example-go", "api") }},
		"Create": {
			exchange.On("POST "+path, `{"procfile_type": "api", "path_pattern": "/api/.*"}`, 200, ""),
			func(ctx context.Context, s *services.Service) error { return s.Create(ctx, "example-go", api) },
		},
	} {
		err := c.call(t.Context(), exchange.Client(t, "2.3", c.exchange).Services)
		require.ErrorIs(t, err, errors.ErrUnsupported, method)
		assert.ErrorContains(t, err, "the Controller of app example-go has no services", method)
	}
}

func TestAServiceWithoutAProcessTypeIsAnError(t *testing.T) {
	for _, body := range []string{`{"services": [null]}`, `{"services": [{"path_pattern": "/"}]}`, `{"services": {}}`, `[]`} {
		_, err := exchange.Client(t, "2.3", exchange.On("GET "+path, "", 200, body)).Services.List(t.Context(), "example-go")
		assert.Error(t, err, body)
	}
}

func TestNothingIsDeletedIfTheListFails(t *testing.T) {
	for _, status := range []int{403, 404, 500} {
		client := exchange.Client(t, "2.3", exchange.On("GET "+path, "", status, `{"detail": "no"}`))
		var failed *deis.Error
		require.ErrorAs(t, client.Services.Delete(t.Context(), "example-go", "api"), &failed)
		assert.Equal(t, status, failed.StatusCode)
	}
}

func TestServicesNeedAPI23(t *testing.T) {
	for _, older := range []string{"1.6", "2.2"} {
		client := exchange.Client(t, older)
		_, list := client.Services.List(t.Context(), "example-go")
		for _, err := range []error{
			list, client.Services.Create(t.Context(), "example-go", api), client.Services.Delete(t.Context(), "example-go", "api"),
		} {
			var unsupported *version.UnsupportedError
			require.ErrorAs(t, err, &unsupported, older)
			assert.Equal(t, version.V2_3, unsupported.Need)
		}
	}
}
