package settings_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

const (
	path = "/v2/apps/example-go/settings/"
	body = `{"app": "example-go", "owner": "alice", "autoscale": {"web": {"min": 1, "max": 3, "cpu_percent": 45}},
		"label": {"team": "red", "n": 5, "on": true, "list": [1, "a"]}, "maintenance": true, "routable": false,
		"whitelist": ["1.2.3.4", "10.0.0.0/8"], "uuid": "9ae93349"}`
)

func to[T any](value T) *T { return &value }

func TestAllSettingsAreRead(t *testing.T) {
	got, err := exchange.Client(t, "2.3", exchange.On("GET "+path, "", 200, body)).Settings.Get(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Equal(t, settings.Settings{
		App: "example-go", Owner: "alice", UUID: "9ae93349", Maintenance: true, Routable: false,
		Autoscale: map[string]settings.Autoscale{"web": {Min: 1, Max: 3, CPUPercent: 45}},
		Label:     map[string]string{"team": "red", "n": "5", "on": "true", "list": `[1, "a"]`},
		Whitelist: []string{"1.2.3.4", "10.0.0.0/8"},
	}, *got)
}

func TestAResponseWithoutSettingsIsAnError(t *testing.T) {
	for _, body := range []string{`{"maintenance": "yes"}`, `[]`, `"x"`, ``} {
		_, err := exchange.Client(t, "2.3", exchange.On("GET "+path, "", 200, body)).Settings.Get(t.Context(), "example-go")
		assert.Error(t, err, body)
	}
}

func TestSetSendsTheChangesAndNilAsNull(t *testing.T) {
	for situation, c := range map[string]struct {
		changes settings.Changes
		body    string
	}{
		"on":   {settings.Changes{Maintenance: to(true), Routable: to(true)}, `{"maintenance": true, "routable": true}`},
		"off":  {settings.Changes{Maintenance: to(false), Routable: to(false)}, `{"maintenance": false, "routable": false}`},
		"text": {settings.Changes{Label: map[string]*string{"team": to("red"), "old": nil}}, `{"label": {"team": "red", "old": null}}`},
		"numbers": {
			settings.Changes{Autoscale: map[string]*settings.Autoscale{"web": {Min: 1, Max: 3, CPUPercent: 45}, "worker": nil}},
			`{"autoscale": {"web": {"min": 1, "max": 3, "cpu_percent": 45}, "worker": null}}`,
		},
		"addresses": {settings.Changes{Whitelist: []string{"1.2.3.4"}}, `{"whitelist": ["1.2.3.4"]}`},
	} {
		t.Run(situation, func(t *testing.T) {
			got, err := exchange.Client(t, "2.3", exchange.On("POST "+path, c.body, 201, body)).Settings.Set(t.Context(), "example-go", c.changes)
			require.NoError(t, err)
			assert.Equal(t, "example-go", got.App)
		})
	}
}

func TestEmptyChangesAreRefused(t *testing.T) {
	for situation, c := range map[string]struct {
		changes settings.Changes
		message string
	}{
		"nothing":                      {settings.Changes{}, "changes must not be empty"},
		"an empty whitelist":           {settings.Changes{Whitelist: []string{}}, "whitelist must not be empty: Disallow removes addresses"},
		"an empty whitelist, and more": {settings.Changes{Whitelist: []string{}, Maintenance: to(true)}, "whitelist must not be empty"},
	} {
		_, err := exchange.Client(t, "2.3").Settings.Set(t.Context(), "example-go", c.changes)
		require.ErrorIs(t, err, deis.ErrInvalidArgument, situation)
		assert.ErrorContains(t, err, c.message, situation)
	}
}

func TestAllowAndDisallowChangeTheWhitelist(t *testing.T) {
	const path = "/v2/apps/example-go/whitelist/"
	client := exchange.Client(t, "2.3",
		exchange.On("POST "+path, `{"addresses": ["1.2.3.4", "10.0.0.0/8"]}`, 201, `{"addresses": ["10.0.0.0/8", "1.2.3.4"]}`),
		exchange.On("GET "+path, "", 200, `{"addresses": ["10.0.0.0/8", "1.2.3.4"]}`),
		exchange.On("GET "+path, "", 200, `{"addresses": ["10.0.0.0/8", "1.2.3.4"]}`), // Disallow reads it first
		exchange.On("DELETE "+path, `{"addresses": ["1.2.3.4"]}`, 204, ""),
		exchange.On("GET "+path, "", 200, `{"addresses": []}`),
	)
	require.NoError(t, client.Settings.Allow(t.Context(), "example-go", []string{"1.2.3.4", "10.0.0.0/8"}))
	addresses, err := client.Settings.Whitelist(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Equal(t, []string{"10.0.0.0/8", "1.2.3.4"}, addresses)
	require.NoError(t, client.Settings.Disallow(t.Context(), "example-go", []string{"1.2.3.4"}))
	addresses, err = client.Settings.Whitelist(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Empty(t, addresses)
}

func TestAnAppIsNotMistakenForAnEmptyWhitelist(t *testing.T) { // which would mean that all addresses may reach it
	client := exchange.Client(t, "2.3", exchange.On("GET /v2/apps/example-go/whitelist/", "", 200, `{"id": "example-go"}`))
	_, err := client.Settings.Whitelist(t.Context(), "example-go")
	assert.ErrorContains(t, err, "it has no addresses")
}

func TestSettingsNeedAPI23(t *testing.T) {
	for _, api := range []string{"1.6", "2.2"} {
		for method, call := range map[string]func(context.Context, *settings.Service) error{
			"Get":       func(ctx context.Context, s *settings.Service) error { _, err := s.Get(ctx, "a"); return err },
			"Whitelist": func(ctx context.Context, s *settings.Service) error { _, err := s.Whitelist(ctx, "a"); return err },
			"Allow":     func(ctx context.Context, s *settings.Service) error { return s.Allow(ctx, "a", []string{"1.2.3.4"}) },
			"Disallow":  func(ctx context.Context, s *settings.Service) error { return s.Disallow(ctx, "a", []string{"1.2.3.4"}) },
			"Set": func(ctx context.Context, s *settings.Service) error {
				_, err := s.Set(ctx, "a", settings.Changes{Routable: to(true)})
				return err
			},
		} {
			err := call(t.Context(), exchange.Client(t, api).Settings)
			var unsupported *version.UnsupportedError
			require.ErrorAs(t, err, &unsupported, method)
			assert.Equal(t, version.V2_3, unsupported.Need)
			assert.ErrorIs(t, err, errors.ErrUnsupported)
		}
	}
}
