package releases_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
)

func TestNoVersionIsThePreviousOne(t *testing.T) { // {"version": 0} is 400 in 2.2
	for _, api := range []string{"1.6", "2.2"} {
		client := exchange.Client(t, api,
			exchange.On("POST /v"+api[:1]+"/apps/example-go/releases/rollback/", `{}`, 201, `{"version": 5}`))
		version, err := client.Releases.Rollback(t.Context(), "example-go", 0)
		require.NoError(t, err)
		assert.Equal(t, 5, version)
	}
}

func TestAReleaseWithoutABuildHasAnEmptyOne(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("GET /v2/apps/example-go/releases/v1/", "", 200,
		`{"version": 1, "config": "28610700", "build": null}`))
	release, err := client.Releases.Get(t.Context(), "example-go", 1)
	require.NoError(t, err)
	assert.Empty(t, release.Build)
	assert.Equal(t, "28610700", release.Config)
}

func TestAVersionThatIsNotThereIsAnErrorOfItsVersion(t *testing.T) {
	v1 := exchange.Client(t, "1.6", exchange.On("GET /v1/apps/example-go/releases/v9999/", "", 500, `<h1>Server Error (500)</h1>`))
	_, err := v1.Releases.Get(t.Context(), "example-go", 9999)
	assert.ErrorIs(t, err, deis.ErrServer)
	v2 := exchange.Client(t, "2.2", exchange.On("GET /v2/apps/example-go/releases/v9999/", "", 404, `{"detail":"Not found."}`))
	_, err = v2.Releases.Get(t.Context(), "example-go", 9999)
	assert.ErrorIs(t, err, deis.ErrNotFound)
}
