//go:build !race

package rest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
)

// These tests bound what a call allocates beyond what net/http and encoding/json allocate for the same exchange. Both
// are measured, so that a new Go version changes both. docs/performance.md has the figures. The tests are left out with
// the race detector, which allocates too.

// canned is a transport that responds with a body, with as few allocations as possible.
func canned(body string) http.RoundTripper {
	header := response(200, "", "Content-Type: application/json").Header
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode:    200,
			Header:        header,
			Body:          io.NopCloser(strings.NewReader(body)),
			ContentLength: int64(len(body)),
			Request:       req,
		}, nil
	})
}

// byHand makes a GET with net/http alone.
func byHand(t *testing.T, client *http.Client, url string, out any) {
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "token "+token)
	req.Header.Set("Deis_api_version", "2.2")
	req.Header.Set("User-Agent", "rest-test")
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(out))
}

type plainThing struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
}

type datedThing struct {
	ID      string    `json:"id"`
	Created rest.Time `json:"created"`
}

// moreThanByHand returns how many more allocations a call makes than the baseline.
func moreThanByHand(t *testing.T, call, baseline func()) float64 {
	t.Helper()
	const runs = 200
	return testing.AllocsPerRun(runs, call) - testing.AllocsPerRun(runs, baseline)
}

func TestAGetAllocatesLittleMoreThanByHand(t *testing.T) {
	transport := canned(`{"id":"a","created":"2016-02-09T20:03:19Z"}`)
	client, plain := newClient(t, transport), &http.Client{Transport: transport}
	more := moreThanByHand(t, func() {
		_, err := rest.Get[datedThing](t.Context(), client, rest.Path("apps", "a"))
		require.NoError(t, err)
	}, func() {
		byHand(t, plain, "https://deis.example.com/v2/apps/a/", new(plainThing))
	})
	assert.Less(t, more, 12.0) // measured: 8
}

func TestADisabledLogAllocatesNothing(t *testing.T) {
	transport := canned(`{"id":"a"}`)
	get := func(client *rest.Client) func() {
		return func() {
			_, err := rest.Get[thing](t.Context(), client, rest.Path("apps", "a"))
			require.NoError(t, err)
		}
	}
	off := newClient(t, transport, func(c *rest.Config) { c.Logger = slog.New(slog.DiscardHandler) })
	assert.Less(t, moreThanByHand(t, get(off), get(newClient(t, transport))), 1.0)
}

func TestItemsOfAListAllocateNoMoreThanByHand(t *testing.T) {
	more := func(items int) float64 {
		list := strings.TrimSuffix(strings.Repeat(`{"id":"a","created":"2016-02-09T20:03:19Z"},`, items), ",")
		transport := canned(fmt.Sprintf(`{"count":%d,"next":"/v2/apps?limit=100&offset=100","results":[%s]}`, items, list))
		client, plain := newClient(t, transport), &http.Client{Transport: transport}
		return moreThanByHand(t, func() {
			_, err := rest.List[datedThing](t.Context(), client, rest.Path("apps"), rest.ListOptions{PageSize: 100})
			require.NoError(t, err)
		}, func() {
			var page struct {
				Count   int
				Next    string
				Results []plainThing
			}
			byHand(t, plain, "https://deis.example.com/v2/apps/?limit=100&page_size=100", &page)
		})
	}
	few, many := more(10), more(1000)
	assert.Less(t, few, 70.0) // measured: 58
	assert.Less(t, many-few, 50.0, "for 990 items")
}

func TestReadingAheadAllocatesLittleMore(t *testing.T) {
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		next := "?offset=2"
		if req.URL.RawQuery != "" {
			next = "null"
		}
		return canned(page(next, "a", "b", "c")).RoundTrip(req)
	}))
	all := func(opts ...rest.CallOption) func() {
		return func() {
			items, err := rest.Collect(rest.All[thing](t.Context(), client, rest.Path("apps"), rest.ListOptions{}, opts...))
			require.NoError(t, err)
			require.Len(t, items, 6)
		}
	}
	assert.Less(t, moreThanByHand(t, all(), all(rest.WithoutReadAhead())), 20.0)
}
