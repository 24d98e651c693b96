package rest

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/version"
)

// slowTransport responds to every request after a second.
type slowTransport struct{ requests atomic.Int64 }

func (s *slowTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	s.requests.Add(1)
	select {
	case <-time.After(time.Second):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	return &http.Response{StatusCode: 200, Header: http.Header{versionKey: {"2.2"}}, Body: io.NopCloser(strings.NewReader("")), Request: req}, nil
}

func slowClient() (*Client, *slowTransport) {
	transport := new(slowTransport)
	return New(Config{
		BaseURL: &url.URL{Scheme: "https", Host: "deis.example.com"},
		Token:   func(context.Context) (string, error) { return "", nil },
		HTTP:    &http.Client{Transport: transport},
		API:     version.V2_2,
	}), transport
}

func TestWritesToOneAppTakeTurns(t *testing.T) {
	type call = func(context.Context, *Client) error
	write := func(elems ...string) call {
		return func(ctx context.Context, c *Client) error {
			_, err := Post[struct{}](ctx, c, Path(elems...), nil)
			return err
		}
	}
	read := func(elems ...string) call {
		return func(ctx context.Context, c *Client) error {
			_, err := Get[struct{}](ctx, c, Path(elems...))
			return err
		}
	}
	destroy := func(elems ...string) call {
		return func(ctx context.Context, c *Client) error { return Delete(ctx, c, Path(elems...)) }
	}
	for _, c := range []struct {
		situation string
		calls     []call
		seconds   int
	}{
		{"two config changes", []call{write("apps", "a", "config"), write("apps", "a", "config")}, 2},
		{"five of them", []call{write("apps", "a", "config"), write("apps", "a", "config"), write("apps", "a", "config"),
			write("apps", "a", "config"), write("apps", "a", "config")}, 5},
		{"a build and a config change", []call{write("apps", "a", "builds"), write("apps", "a", "config")}, 2},
		{"a config change and the deletion of the app", []call{write("apps", "a", "config"), destroy("apps", "a")}, 2},
		{"a new owner and a deleted domain", []call{write("apps", "a"), destroy("apps", "a", "domains", "example.com")}, 2},
		{"two apps", []call{write("apps", "a", "config"), write("apps", "b", "config")}, 1},
		{"reading beside writing", []call{write("apps", "a", "config"), read("apps", "a", "config"), read("apps", "a", "logs")}, 1},
		{"one-off commands", []call{write("apps", "a", "config"), write("apps", "a", "run"), write("apps", "a", "run")}, 1},
		{"an app called run", []call{write("apps", "run", "config"), write("apps", "run", "config")}, 2},
		{"new apps", []call{write("apps"), write("apps")}, 1},
		{"other resources", []call{write("keys"), write("keys"), destroy("certs", "a"), destroy("certs", "a")}, 1},
	} {
		for _, copies := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				client, transport := slowClient()
				start, results := time.Now(), make(chan error)
				for _, call := range c.calls {
					own := client
					if copies {
						own = client.With(client.config)
					}
					go func() { results <- call(t.Context(), own) }()
				}
				for range c.calls {
					assert.NoError(t, <-results, c.situation)
				}
				assert.Equal(t, time.Duration(c.seconds)*time.Second, time.Since(start), c.situation)
				assert.EqualValues(t, len(c.calls), transport.requests.Load(), c.situation)
				assert.Empty(t, client.turns.open, "%s: no turn is left", c.situation)
			})
		}
	}
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, transport := slowClient()
		at := Path("apps", "a", "config")
		go Post[struct{}](t.Context(), client, at, nil)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		var resp Response
		_, err := Post[struct{}](ctx, client, at, nil, WithResponse(&resp))
		assert.Equal(t, 100*time.Millisecond, time.Since(start))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.EqualError(t, err, "deis: POST /v2/apps/a/config/: waiting for another write to app a: context deadline exceeded")
		assert.Equal(t, Response{API: version.V2_2}, resp)

		_, err = Post[struct{}](t.Context(), client, at, nil)
		require.NoError(t, err, "a call that has given up blocks no other")
		assert.Equal(t, 2*time.Second, time.Since(start))
		assert.EqualValues(t, 2, transport.requests.Load())
		assert.Empty(t, client.turns.open)
	})
}

func TestAWriteThatFailsGivesUpItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, transport := slowClient()
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			_, err := Post[struct{}](ctx, client, Path("apps", "a", "config"), nil)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
		}
		assert.EqualValues(t, 3, transport.requests.Load())
		assert.Empty(t, client.turns.open)
	})
}
