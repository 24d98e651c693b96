package rest_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// An outcome is how one attempt ends.
type outcome struct {
	status int
	header string
	err    error
}

// Connection errors as net/http returns them.
var (
	reset      = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	noServer   = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	noProxy    = &net.OpError{Op: "proxyconnect", Net: "tcp", Err: syscall.ECONNREFUSED}
	noDNS      = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}
	noSuchHost = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
)

// retryTwice sets a policy of two immediate retries.
func retryTwice(c *rest.Config) { c.Retry = rest.RetryPolicy{Max: 2, MinWait: 1, MaxWait: 1} }

// inOrder is a transport that ends attempts with the given outcomes, in order, then with the last one, and notes the
// time of each.
type inOrder struct {
	outcomes []outcome
	made     []time.Time
}

func (o *inOrder) RoundTrip(*http.Request) (*http.Response, error) {
	now := o.outcomes[min(len(o.made), len(o.outcomes)-1)]
	o.made = append(o.made, time.Now())
	if now.err != nil {
		return nil, now.err
	}
	if now.header == "" {
		return response(now.status, `{"detail":"said"}`), nil
	}
	return response(now.status, `{"detail":"said"}`, now.header), nil
}

func TestOnlyHarmlessRetriesAreMade(t *testing.T) {
	methods := []struct {
		name string
		call func(*rest.Client) error
	}{
		{"GET", func(c *rest.Client) error {
			_, err := rest.Get[struct{}](t.Context(), c, rest.Path("apps", "a"))
			return err
		}},
		{"DELETE", func(c *rest.Client) error { return rest.Delete(t.Context(), c, rest.Path("apps", "a")) }},
		{"POST", func(c *rest.Client) error {
			_, err := rest.Post[struct{}](t.Context(), c, rest.Path("apps"), nil)
			return err
		}},
		{"POST, idempotent", func(c *rest.Client) error {
			_, err := rest.Post[struct{}](t.Context(), c, rest.Path("apps"), nil, rest.WithIdempotent())
			return err
		}},
	}
	for _, c := range []struct {
		situation string
		outcome   outcome
		requests  [4]int // by method
	}{
		{"success", outcome{status: 200}, [4]int{1, 1, 1, 1}},
		{"the connection was reset", outcome{err: reset}, [4]int{3, 3, 1, 3}},
		{"no response came", outcome{err: io.EOF}, [4]int{3, 3, 1, 3}},
		{"no connection", outcome{err: noServer}, [4]int{3, 3, 3, 3}},
		{"no connection to the proxy", outcome{err: noProxy}, [4]int{3, 3, 3, 3}},
		{"DNS is down", outcome{err: noDNS}, [4]int{3, 3, 3, 3}},
		{"DNS knows no such host", outcome{err: noSuchHost}, [4]int{1, 1, 1, 1}},
		{"a certificate that is not trusted", outcome{err: &tls.CertificateVerificationError{Err: errors.New("unknown authority")}}, [4]int{1, 1, 1, 1}},
		{"a server without TLS", outcome{err: tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}}, [4]int{1, 1, 1, 1}},
		{"400", outcome{status: 400}, [4]int{1, 1, 1, 1}},
		{"401", outcome{status: 401}, [4]int{1, 1, 1, 1}},
		{"404", outcome{status: 404}, [4]int{1, 1, 1, 1}},
		{"408", outcome{status: 408}, [4]int{3, 3, 1, 3}},
		{"409", outcome{status: 409}, [4]int{1, 1, 1, 1}},
		{"429", outcome{status: 429}, [4]int{3, 3, 3, 3}},
		{"500", outcome{status: 500}, [4]int{1, 1, 1, 1}},
		{"501", outcome{status: 501}, [4]int{1, 1, 1, 1}},
		{"502", outcome{status: 502}, [4]int{3, 3, 1, 3}},
		{"503", outcome{status: 503}, [4]int{3, 3, 1, 1}},
		{"504", outcome{status: 504}, [4]int{3, 3, 1, 3}},
		{"519", outcome{status: 519}, [4]int{1, 1, 1, 1}},
		{"520", outcome{status: 520}, [4]int{3, 3, 1, 3}},
		{"521", outcome{status: 521}, [4]int{3, 3, 1, 3}},
		{"522", outcome{status: 522}, [4]int{3, 3, 1, 3}},
		{"523", outcome{status: 523}, [4]int{3, 3, 1, 3}},
		{"524", outcome{status: 524}, [4]int{3, 3, 1, 3}},
		{"525", outcome{status: 525}, [4]int{1, 1, 1, 1}},
		{"a redirect elsewhere", outcome{status: 302, header: "Location: https://other.example.com/"}, [4]int{1, 1, 1, 1}},
	} {
		for i, method := range methods {
			transport := &inOrder{outcomes: []outcome{c.outcome}}
			err := method.call(newClient(t, transport, retryTwice))
			assert.Len(t, transport.made, c.requests[i], "%s: %s", c.situation, method.name)
			if c.outcome.status == 200 {
				assert.NoError(t, err)
				continue
			}
			var failed *rest.Error
			require.ErrorAs(t, err, &failed, c.situation)
			assert.Equal(t, c.requests[i], failed.Attempts, c.situation)
			assert.Equal(t, c.outcome.status, failed.StatusCode, c.situation)
			if c.outcome.err != nil {
				assert.ErrorIs(t, err, c.outcome.err, c.situation)
			}
		}
	}
}

func TestThePolicyOfZeroNeverRetries(t *testing.T) {
	for _, o := range []outcome{{status: 429}, {status: 503}, {err: noServer}} {
		transport := &inOrder{outcomes: []outcome{o}}
		_, err := rest.Get[thing](t.Context(), newClient(t, transport), rest.Path("apps"))
		require.Error(t, err)
		assert.Len(t, transport.made, 1)
		assert.NotContains(t, err.Error(), "attempts")
	}
}

func TestAnAttemptThatSucceedsIsTheLast(t *testing.T) {
	transport := &inOrder{outcomes: []outcome{{status: 502}, {status: 200}}}
	var resp rest.Response
	_, err := rest.Get[thing](t.Context(), newClient(t, transport, retryTwice), rest.Path("apps"), rest.WithResponse(&resp))
	require.NoError(t, err)
	assert.Len(t, transport.made, 2)
	assert.Equal(t, 2, resp.Attempts)
	assert.Equal(t, 200, resp.Status)
}

func TestTheErrorIsThatOfTheLastAttempt(t *testing.T) {
	transport := &inOrder{outcomes: []outcome{{err: reset}, {status: 502}, {status: 503}}}
	_, err := rest.Get[thing](t.Context(), newClient(t, transport, retryTwice), rest.Path("apps"))
	require.EqualError(t, err, "deis: GET /v2/apps/: 503 Service Unavailable: said: 3 attempts")
	assert.ErrorIs(t, err, rest.ErrUnavailable)
	assert.NotErrorIs(t, err, syscall.ECONNRESET)

	transport = &inOrder{outcomes: []outcome{{status: 502}, {err: reset}}}
	_, err = rest.Get[thing](t.Context(), newClient(t, transport, retryTwice), rest.Path("apps"))
	require.EqualError(t, err, "deis: GET /v2/apps/: read tcp: connection reset by peer: 3 attempts")
	assert.ErrorIs(t, err, syscall.ECONNRESET)
	assert.NotErrorIs(t, err, rest.ErrUnavailable)
}

func TestADeleteWhoseRetryFindsNothingHasSucceeded(t *testing.T) {
	for _, c := range []struct {
		situation string
		outcomes  []outcome
		succeeds  bool
	}{
		{"on the first attempt", []outcome{{status: 404}}, false},
		{"after a 503", []outcome{{status: 503}, {status: 404}}, true},
		{"after a 504", []outcome{{status: 504}, {status: 404}}, true},
		{"after a broken connection", []outcome{{err: reset}, {status: 404}}, true},
		{"after a 429", []outcome{{status: 429}, {status: 404}}, false},
		{"after an attempt that was never sent", []outcome{{err: noServer}, {status: 404}}, false},
		{"after a 502 and a 429", []outcome{{status: 502}, {status: 429}, {status: 404}}, true},
	} {
		transport := &inOrder{outcomes: c.outcomes}
		var resp rest.Response
		err := rest.Delete(t.Context(), newClient(t, transport, retryTwice), rest.Path("apps", "a"), rest.WithResponse(&resp))
		assert.Len(t, transport.made, len(c.outcomes), c.situation)
		assert.Equal(t, 404, resp.Status)
		if c.succeeds {
			assert.NoError(t, err, c.situation)
		} else {
			assert.ErrorIs(t, err, rest.ErrNotFound, c.situation)
		}
	}
	transport := &inOrder{outcomes: []outcome{{status: 503}, {status: 404}}}
	_, err := rest.Get[thing](t.Context(), newClient(t, transport, retryTwice), rest.Path("apps", "a"))
	assert.ErrorIs(t, err, rest.ErrNotFound, "a GET that finds nothing has failed")

	transport = &inOrder{outcomes: []outcome{{status: 502}, {status: 404}}}
	_, err = rest.Post[struct{}](t.Context(), newClient(t, transport, retryTwice), rest.Path("apps", "a", "run"), nil, rest.WithIdempotent())
	assert.ErrorIs(t, err, rest.ErrNotFound, "so has a POST")
	assert.ErrorContains(t, err, "it may have been carried out")
}

func TestOnlyTheControllersOwn404MeansThatADeleteHasSucceeded(t *testing.T) {
	for _, c := range []struct {
		situation string
		notFound  func() *http.Response
		succeeds  bool
	}{
		{"the Controller's", func() *http.Response { return response(404, `{"detail":"Not found."}`) }, true},
		{"the Controller's, HTML", func() *http.Response { return response(404, "<h1>Not Found</h1>") }, true},
		{"a gateway's, JSON", func() *http.Response { return httpmock.NewStringResponse(404, `{"message":"no Route matched"}`) }, false},
		{"a gateway's that looks like the Controller's", func() *http.Response {
			return httpmock.NewStringResponse(404, `{"detail":"Not found."}`)
		}, false},
		{"a router's, HTML", func() *http.Response { return httpmock.NewStringResponse(404, "<title>404 Not Found</title>") }, false},
		{"a router's, plain text", func() *http.Response { return httpmock.NewStringResponse(404, "default backend - 404") }, false},
		{"a router's, empty", func() *http.Response { return httpmock.NewStringResponse(404, "") }, false},
		{"an upgraded Controller's", func() *http.Response { return response(404, "<h1>Not Found</h1>", version.Header+": 3.0") }, false},
	} {
		var requests int
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				return httpmock.NewStringResponse(503, ""), nil // no response has named a version yet
			}
			return c.notFound(), nil
		}), retryTwice)
		err := rest.Delete(t.Context(), client, rest.Path("apps", "a"))
		assert.Equal(t, 2, requests)
		if c.succeeds {
			assert.NoError(t, err, c.situation)
		} else {
			assert.ErrorContains(t, err, "404 Not Found", c.situation)
			assert.ErrorContains(t, err, "it may have been carried out", c.situation)
		}
	}
}

func TestAnErrorSaysThatAnEarlierAttemptMayHaveActed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		says string
		last func() (*http.Response, error)
	}{
		{"connection refused: 3 attempts", func() (*http.Response, error) { return nil, noServer }},
		{"context canceled: 2 attempts: last failure: 504 Gateway Timeout", func() (*http.Response, error) { cancel(); return nil, ctx.Err() }},
	} {
		var requests int
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				return response(504, ""), nil
			}
			return c.last()
		}), retryTwice)
		err := rest.Delete(ctx, client, rest.Path("apps", "a"))
		assert.ErrorContains(t, err, c.says+": it may have been carried out")
	}
}

func TestACallWhoseContextHasEndedSendsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("was sent")
		return response(204, ""), nil
	}))
	for range 20 { // a select chooses at random
		assert.EqualError(t, rest.Delete(ctx, client, rest.Path("apps", "a")), "deis: DELETE /v2/apps/a/: context canceled")
	}
}

func TestAPolicyWithoutWaitsDoesNotHammerTheServer(t *testing.T) {
	for _, policy := range []rest.RetryPolicy{{Max: 3}, {Max: 3, MaxWait: time.Minute}, {Max: 3, MinWait: time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			var total time.Duration
			for range 20 { // a single wait can be short
				start := time.Now()
				client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) { return response(503, ""), nil }),
					func(c *rest.Config) { c.Retry = policy })
				assert.ErrorIs(t, get(t.Context(), client), rest.ErrUnavailable)
				total += time.Since(start)
			}
			assert.Greater(t, total, 5*time.Second, "%+v", policy)
		})
	}
}

func TestEachAttemptSendsTheWholeBody(t *testing.T) {
	var bodies []string
	transport := httpmock.NewMockTransport()
	transport.RegisterResponder("POST", "https://deis.example.com/v2/apps/", func(req *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(req.Body)
		require.NoError(t, err)
		bodies = append(bodies, string(body))
		return response(429, ""), nil
	})
	_, err := rest.Post[thing](t.Context(), newClient(t, transport, retryTwice), rest.Path("apps"), thing{"a"})
	require.ErrorIs(t, err, rest.ErrRateLimited)
	assert.Equal(t, []string{`{"id":"a"}`, `{"id":"a"}`, `{"id":"a"}`}, bodies)
}

func TestWaitsAreRandomWithinGrowingBounds(t *testing.T) {
	const rounds = 60
	policy := rest.RetryPolicy{Max: 6, MinWait: 100 * time.Millisecond, MaxWait: time.Second}
	bounds := []time.Duration{1e8, 2e8, 4e8, 8e8, 1e9, 1e9} // in nanoseconds
	shortest, longest := slices.Clone(bounds), make([]time.Duration, len(bounds))
	synctest.Test(t, func(t *testing.T) {
		for range rounds {
			transport := &inOrder{outcomes: []outcome{{status: 503}}}
			_, err := rest.Get[thing](t.Context(), newClient(t, transport, func(c *rest.Config) { c.Retry = policy }), rest.Path("apps"))
			require.Error(t, err)
			require.Len(t, transport.made, 7)
			for i := range bounds {
				wait := transport.made[i+1].Sub(transport.made[i])
				shortest[i], longest[i] = min(shortest[i], wait), max(longest[i], wait)
			}
		}
	})
	for i, bound := range bounds {
		assert.LessOrEqual(t, longest[i], bound, "wait %d", i)
		assert.Less(t, shortest[i], bound/2, "wait %d is never short", i)
		assert.Greater(t, longest[i], bound/2, "wait %d is never long", i)
	}
}

func TestDoublingAWaitDoesNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // an hour, doubled so often, overflows a Duration
		transport := &inOrder{outcomes: []outcome{{status: 503}}}
		client := newClient(t, transport, func(c *rest.Config) { c.Retry = rest.RetryPolicy{Max: 100, MinWait: time.Hour, MaxWait: time.Hour} })
		_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
		require.Error(t, err)
		require.Len(t, transport.made, 101)
		for i := 0; i < 100; i += 20 {
			assert.Greater(t, transport.made[i+20].Sub(transport.made[i]), time.Hour, "20 waits after the %dth", i)
		}
	})
}

func TestAnyPolicyThatPassesTheCheckWorks(t *testing.T) {
	for _, policy := range []rest.RetryPolicy{
		{Max: 1, MinWait: math.MaxInt64, MaxWait: math.MaxInt64},
		{Max: 100, MinWait: 1, MaxWait: 1},
		{Max: 100, MinWait: 3 * time.Hour, MaxWait: 1 << 62},
		{Max: 3, MaxWait: time.Hour},
	} {
		require.NoError(t, policy.Check())
		synctest.Test(t, func(t *testing.T) {
			transport := &inOrder{outcomes: []outcome{{status: 503}, {status: 503}, {status: 200}}}
			if policy.Max == 1 {
				transport.outcomes = transport.outcomes[1:]
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := rest.Get[thing](ctx, newClient(t, transport, func(c *rest.Config) { c.Retry = policy }), rest.Path("apps"))
			if err != nil {
				assert.ErrorIs(t, err, rest.ErrUnavailable, "%+v", policy)
			}
		})
	}
}

func TestAnInvalidPolicyIsRefused(t *testing.T) {
	for _, c := range []struct {
		policy rest.RetryPolicy
		says   string
	}{
		{rest.RetryPolicy{Max: -1}, "RetryPolicy.Max must not be negative"},
		{rest.RetryPolicy{MinWait: -1}, "RetryPolicy must have 0 <= MinWait <= MaxWait"},
		{rest.RetryPolicy{MinWait: -2, MaxWait: -1}, "RetryPolicy must have 0 <= MinWait <= MaxWait"},
		{rest.RetryPolicy{MinWait: 2, MaxWait: 1}, "RetryPolicy must have 0 <= MinWait <= MaxWait"},
		{rest.RetryPolicy{MaxWait: -1}, "RetryPolicy must have 0 <= MinWait <= MaxWait"},
		{rest.RetryPolicy{TryTimeout: -1}, "RetryPolicy.TryTimeout must not be negative"},
	} {
		assert.EqualError(t, c.policy.Check(), "deis: invalid argument: "+c.says)
		assert.ErrorIs(t, c.policy.Check(), rest.ErrInvalidArgument)
	}
	for _, policy := range []rest.RetryPolicy{{MinWait: time.Hour}, {MaxWait: 1}, {MinWait: 1, MaxWait: 1}} {
		assert.NoError(t, policy.Check(), "%+v", policy)
	}
	assert.NoError(t, rest.RetryPolicy{}.Check())
	assert.NoError(t, rest.DefaultRetryPolicy.Check())
}

func TestRetryAfterIsObeyedWithinBounds(t *testing.T) {
	const minWait, maxWait = 500 * time.Millisecond, 5 * time.Second
	for _, c := range []struct {
		situation, header string
		wait              time.Duration // before the second attempt; negative: there is none
		retryAfter        time.Duration // of the error, if there is no second attempt
	}{
		{"seconds", "3", 3 * time.Second, 0},
		{"none", "0", minWait, 0},
		{"as long as MaxWait", "5", maxWait, 0},
		{"longer than MaxWait", "6", -1, 6 * time.Second},
		{"an hour", "3600", -1, time.Hour},
		{"as many seconds as a Duration holds", "9223372036", -1, 9223372036 * time.Second},
		{"more seconds than a Duration holds", "9223372037", -1, 9223372036 * time.Second},
		{"more seconds than a number holds", "99999999999999999999999", -1, 9223372036 * time.Second},
		{"a date", "Sat, 01 Jan 2000 00:00:04 GMT", 4 * time.Second, 0}, // synctest's clock begins in 2000
		{"a date in the past", "Fri, 31 Dec 1999 00:00:00 GMT", minWait, 0},
		{"a date far in the future", "Sun, 02 Jan 2000 00:00:00 GMT", -1, 24 * time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			transport := &inOrder{outcomes: []outcome{{status: 503, header: "Retry-After: " + c.header}, {status: 200}}}
			client := newClient(t, transport, func(config *rest.Config) {
				config.Retry = rest.RetryPolicy{Max: 2, MinWait: minWait, MaxWait: maxWait}
			})
			start := time.Now()
			_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
			if c.wait >= 0 {
				require.NoError(t, err, c.situation)
				assert.Equal(t, c.wait, time.Since(start), c.situation)
				return
			}
			var failed *rest.Error
			require.ErrorAs(t, err, &failed, c.situation)
			assert.Equal(t, c.retryAfter, failed.RetryAfter, c.situation)
			assert.Contains(t, err.Error(), "try again in "+c.retryAfter.String())
			assert.Len(t, transport.made, 1, c.situation)
			assert.Zero(t, time.Since(start), "%s: the error comes at once", c.situation)
		})
	}
}

func TestAnInvalidRetryAfterIsIgnored(t *testing.T) {
	for _, header := range []string{"", "soon", "-1", "1.5", "+3", "3s", "0x10", "Sat, 01 Jan 2000"} {
		synctest.Test(t, func(t *testing.T) {
			transport := &inOrder{outcomes: []outcome{{status: 503, header: "Retry-After: " + header}}}
			client := newClient(t, transport, func(c *rest.Config) {
				c.Retry = rest.RetryPolicy{Max: 1, MinWait: time.Millisecond, MaxWait: time.Millisecond}
			})
			start := time.Now()
			_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
			var failed *rest.Error
			require.ErrorAs(t, err, &failed)
			assert.Zero(t, failed.RetryAfter, header)
			assert.Equal(t, 2, failed.Attempts, header)
			assert.LessOrEqual(t, time.Since(start), time.Millisecond, header)
		})
	}
}

func TestAWaitBeyondTheDeadlineIsNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &inOrder{outcomes: []outcome{{status: 429, header: "Retry-After: 3"}}}
		client := newClient(t, transport, func(c *rest.Config) { c.Retry = rest.RetryPolicy{Max: 2, MaxWait: time.Minute} })
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := rest.Get[thing](ctx, client, rest.Path("apps"))
		require.ErrorIs(t, err, rest.ErrRateLimited)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		var failed *rest.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, 3*time.Second, failed.RetryAfter)
		assert.Zero(t, time.Since(start))
		assert.Len(t, transport.made, 1)
	})
}

func TestARetryThatFitsIntoTheDeadlineIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &inOrder{outcomes: []outcome{{status: 429, header: "Retry-After: 3"}, {err: reset}, {status: 200}}}
		client := newClient(t, transport, func(c *rest.Config) { c.Retry = rest.RetryPolicy{Max: 2, MinWait: 1, MaxWait: time.Minute} })
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		start := time.Now()
		require.NoError(t, get(ctx, client))
		assert.Len(t, transport.made, 3)
		assert.InDelta(t, 3*time.Second, time.Since(start), 2, "the wait of Retry-After, and a short one")
		assert.NoError(t, ctx.Err())
	})
}

func TestTheDefaultPolicyRetriesThreeTimesWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &inOrder{outcomes: []outcome{{status: 503}}}
		client := newClient(t, transport, func(c *rest.Config) { c.Retry = rest.DefaultRetryPolicy })
		start := time.Now()
		require.ErrorIs(t, get(t.Context(), client), rest.ErrUnavailable)
		assert.Len(t, transport.made, 4)
		assert.LessOrEqual(t, time.Since(start), 250*time.Millisecond+500*time.Millisecond+time.Second)
	})
}

func TestAWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &inOrder{outcomes: []outcome{{status: 429, header: "Retry-After: 30"}}}
		client := newClient(t, transport, func(c *rest.Config) { c.Retry = rest.RetryPolicy{Max: 2, MaxWait: time.Minute} })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		var resp rest.Response
		_, err := rest.Get[thing](ctx, client, rest.Path("apps"), rest.WithResponse(&resp))
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Len(t, transport.made, 1)
		assert.Equal(t, 1, resp.Attempts)
	})
}

func TestACanceledAttemptIsNotRetried(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	requests := 0
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		requests++
		cancel()
		return nil, context.Canceled
	}), retryTwice)
	_, err := rest.Get[thing](ctx, client, rest.Path("apps"))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, requests)
}

func TestARealUntrustedCertificateIsNotRetried(t *testing.T) {
	t.Parallel()
	handshakes := 0
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		handshakes++
		return nil, nil
	}}
	server.StartTLS()
	transport := new(http.Transport)
	client := newClient(t, transport, retryTwice, func(c *rest.Config) { c.BaseURL = parseURL(t, server.URL) })
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
	server.Close()
	var certificate *tls.CertificateVerificationError
	require.ErrorAs(t, err, &certificate)
	assert.Equal(t, 1, handshakes)
}

func TestAWrongSchemeIsNotRetried(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	client := newClient(t, new(http.Transport), retryTwice, func(c *rest.Config) {
		c.BaseURL = parseURL(t, "https"+server.URL[len("http"):])
	})
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
	var failed *rest.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 1, failed.Attempts)
	assert.Contains(t, err.Error(), "server gave HTTP response to HTTPS client")
}

func TestAFailureClosesNoSharedConnections(t *testing.T) {
	shared := new(sharedTransport)
	client := newClient(t, shared, retryTwice, func(c *rest.Config) { c.API = version.API{} })
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	assert.Zero(t, shared.closed)
}

type sharedTransport struct{ closed int }

func (*sharedTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, reset }

func (s *sharedTransport) CloseIdleConnections() { s.closed++ }

func TestTheBodiesOfEarlierAttemptsAreClosed(t *testing.T) {
	var open, opened int
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		open++
		opened++
		resp := response(503, "")
		resp.Body = &closer{Reader: io.LimitReader(reader(func(p []byte) (int, error) { return len(p), nil }), 1<<20), closed: func() { open-- }}
		return resp, nil
	}), retryTwice)
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
	require.Error(t, err)
	assert.Equal(t, 3, opened)
	assert.Zero(t, open)
}

type closer struct {
	io.Reader
	closed func()
}

func (c *closer) Close() error {
	c.closed()
	c.closed = func() {} // a second Close does nothing
	return nil
}
