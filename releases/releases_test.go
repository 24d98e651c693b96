package releases_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/releases"
)

const (
	v2Releases   = "GET /v2/apps/example-go/releases/?limit=10&page_size=10"
	v1Releases   = "GET /v1/apps/example-go/releases/?page_size=10"
	v1Containers = "GET /v1/apps/example-go/containers/"
	rollback     = "POST /v2/apps/example-go/releases/rollback/"
)

// listed returns a page with these items.
func listed(items ...string) string { return `{"results": [` + strings.Join(items, ", ") + `]}` }

// good and failed return releases.
func good(number int) string { return fmt.Sprintf(`{"version": %d, "build": "b%d"}`, number, number) }
func failed(number int) string {
	return fmt.Sprintf(`{"version": %d, "build": "b%d", "failed": true, "exception": "error: no image"}`, number, number)
}

// up returns a container of a release, which is up.
func up(release int) string {
	return fmt.Sprintf(`{"type": "web", "num": 1, "state": "up", "release": "v%d"}`, release)
}

func TestCurrentIsTheReleaseThatTheAppRuns(t *testing.T) {
	for situation, c := range map[string]struct {
		api       string
		exchanges []exchange.Exchange
		want      int
	}{
		"2.3, the newest is good":  {"2.3", []exchange.Exchange{exchange.On(v2Releases, "", 200, listed(good(9), good(8)))}, 9},
		"2.3, the newest failed":   {"2.3", []exchange.Exchange{exchange.On(v2Releases, "", 200, listed(failed(9), good(8), good(7)))}, 8},
		"2.3, several failed":      {"2.3", []exchange.Exchange{exchange.On(v2Releases, "", 200, listed(failed(9), failed(8), failed(7), good(6)))}, 6},
		"2.3, nothing is deployed": {"2.3", []exchange.Exchange{exchange.On(v2Releases, "", 200, listed(`{"version": 1}`))}, 1},
		"2.2 deletes failed ones":  {"2.2", []exchange.Exchange{exchange.On(v2Releases, "", 200, listed(good(9), good(8)))}, 9},
		"1.6, the newest runs": {"1.6", []exchange.Exchange{
			exchange.On(v1Containers, "", 200, listed(up(9), up(8))),
			exchange.On(v1Releases, "", 200, listed(good(9), good(8))),
		}, 9},
		"1.6, the newest failed and stayed": {"1.6", []exchange.Exchange{
			exchange.On(v1Containers, "", 200, listed(`{"type": "web", "num": 2, "state": "crashed", "release": "v9"}`, up(8))),
			exchange.On(v1Releases, "", 200, listed(good(9), good(8), good(7))),
		}, 8},
		"1.6, nothing is up": {"1.6", []exchange.Exchange{
			exchange.On(v1Containers, "", 200, listed(`{"type": "web", "num": 1, "state": "destroyed", "release": "v8"}`)),
			exchange.On(v1Releases, "", 200, listed(good(9), good(8))),
		}, 9},
	} {
		t.Run(situation, func(t *testing.T) {
			current, err := exchange.Client(t, c.api, c.exchanges...).Releases.Current(t.Context(), "example-go")
			require.NoError(t, err)
			assert.Equal(t, c.want, current.Version)
			assert.False(t, current.Failed)
		})
	}
}

func TestCurrentReadsPastAPageOfFailedReleases(t *testing.T) {
	client := exchange.Client(t, "2.3",
		exchange.On(v2Releases, "", 200, `{"results": [`+failed(3)+`], "next": "http://x/?limit=10&offset=10"}`),
		exchange.On("GET /v2/apps/example-go/releases/?limit=10&offset=10", "", 200, listed(failed(2), good(1))))
	current, err := client.Releases.Current(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Equal(t, 1, current.Version)
}

func TestCurrentFailsIfNoReleaseCanRun(t *testing.T) {
	for _, releases := range []string{listed(), listed(failed(2), failed(1))} {
		_, err := exchange.Client(t, "2.3", exchange.On(v2Releases, "", 200, releases)).Releases.Current(t.Context(), "example-go")
		assert.ErrorContains(t, err, "app example-go has no release that it could run")
	}
}

func TestCurrentReturnsTheErrorOfAListThatFails(t *testing.T) {
	for api, exchanges := range map[string][]exchange.Exchange{
		"2.3": {exchange.On(v2Releases, "", 404, `"No App matches the given query."`)},
		"1.6": {exchange.On(v1Containers, "", 404, `{"detail":"Not found"}`)},
	} {
		_, err := exchange.Client(t, api, exchanges...).Releases.Current(t.Context(), "example-go")
		assert.ErrorIs(t, err, deis.ErrNotFound, api)
	}
}

func TestRollbackWithoutAVersionUndoesTheNewestRelease(t *testing.T) {
	for situation, c := range map[string]struct {
		api      string
		releases []string
		to       int
	}{
		"the newest is good":          {"2.3", []string{good(9), good(8)}, 8},
		"the newest failed":           {"2.3", []string{failed(9), good(8), good(7)}, 8},
		"the one before failed":       {"2.3", []string{good(9), failed(8), good(7)}, 7},
		"the one before has no build": {"2.3", []string{good(9), `{"version": 8}`, good(7)}, 7},
		"2.2":                         {"2.2", []string{good(9), good(8)}, 8},
	} {
		t.Run(situation, func(t *testing.T) {
			exchanges := []exchange.Exchange{exchange.On(v2Releases, "", 200, listed(c.releases...))}
			if !strings.Contains(c.releases[0], "failed") { // undoing the current release takes another look at the list
				exchanges = append(exchanges, exchanges[0])
			}
			exchanges = append(exchanges, exchange.On(rollback, fmt.Sprintf(`{"version": %d}`, c.to), 201, `{"version": 10}`))
			made, err := exchange.Client(t, c.api, exchanges...).Releases.Rollback(t.Context(), "example-go", 0)
			require.NoError(t, err)
			assert.Equal(t, 10, made)
		})
	}
}

func TestRollbackWithoutAVersionReturnsToWhatRunsInV16(t *testing.T) {
	client := exchange.Client(t, "1.6",
		exchange.On(v1Containers, "", 200, listed(up(8))),
		exchange.On(v1Releases, "", 200, listed(good(9), good(8))),
		exchange.On("POST /v1/apps/example-go/releases/rollback/", `{"version": 8}`, 201, `{"version": 10}`))
	made, err := client.Releases.Rollback(t.Context(), "example-go", 0)
	require.NoError(t, err)
	assert.Equal(t, 10, made)
}

func TestNothingIsRolledBackIfNoEarlierReleaseHasABuild(t *testing.T) {
	for situation, list := range map[string]string{
		"the first release":             listed(`{"version": 1}`),
		"the first build":               listed(good(3), `{"version": 2}`, `{"version": 1}`),
		"a first build after a failure": listed(good(3), failed(2), `{"version": 1}`),
	} {
		client := exchange.Client(t, "2.3", exchange.On(v2Releases, "", 200, list), exchange.On(v2Releases, "", 200, list))
		_, err := client.Releases.Rollback(t.Context(), "example-go", 0)
		assert.ErrorIs(t, err, releases.ErrInitial, situation)
		assert.ErrorContains(t, err, "app example-go has no release with a build before v", situation)
	}
}

func TestAFailedReleaseHasItsException(t *testing.T) {
	client := exchange.Client(t, "2.3", exchange.On("GET /v2/apps/example-go/releases/v33/", "", 200,
		`{"version": 33, "summary": "alice deployed a3674d0 which failed", "failed": true, "exception": "error: image nonexistent/app:v9 not found"}`))
	release, err := client.Releases.Get(t.Context(), "example-go", 33)
	require.NoError(t, err)
	assert.True(t, release.Failed)
	assert.Equal(t, "error: image nonexistent/app:v9 not found", release.Exception)
}

func TestAReleaseWithoutABuildHasAnEmptyBuild(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("GET /v2/apps/example-go/releases/v1/", "", 200,
		`{"version": 1, "config": "28610700", "build": null}`))
	release, err := client.Releases.Get(t.Context(), "example-go", 1)
	require.NoError(t, err)
	assert.Empty(t, release.Build)
	assert.Equal(t, "28610700", release.Config)
}

func TestAnUnknownVersionIs500InV16And404In2x(t *testing.T) {
	v1 := exchange.Client(t, "1.6", exchange.On("GET /v1/apps/example-go/releases/v9999/", "", 500, `<h1>Server Error (500)</h1>`))
	_, err := v1.Releases.Get(t.Context(), "example-go", 9999)
	assert.ErrorIs(t, err, deis.ErrServer)
	v2 := exchange.Client(t, "2.2", exchange.On("GET /v2/apps/example-go/releases/v9999/", "", 404, `{"detail":"Not found."}`))
	_, err = v2.Releases.Get(t.Context(), "example-go", 9999)
	assert.ErrorIs(t, err, deis.ErrNotFound)
}

func TestARollbackToNoVersionIsAnError(t *testing.T) {
	for _, response := range []string{`{"version": -3}`, `{"version": 0}`, `{}`, `{"version": null}`} {
		client := exchange.Client(t, "2.2", exchange.On("POST /v2/apps/example-go/releases/rollback/", `{"version": 1}`, 201, response))
		_, err := client.Releases.Rollback(t.Context(), "example-go", 1)
		var failed *deis.Error
		require.ErrorAs(t, err, &failed, response)
		assert.True(t, failed.MayHaveActed(), response)
	}
}
