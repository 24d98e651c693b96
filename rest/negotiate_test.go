package rest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
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

// unpinned makes a client negotiate the version.
func unpinned(c *rest.Config) { c.API = version.API{} }

// A controller is a transport that responds like a Controller of a version: to /v2/ with 401 or 404, to the paths of
// the version with {}.
type controller struct {
	api      atomic.Value  // string; "" sends no header
	takes    time.Duration // for each response
	requests atomic.Int64
	probes   atomic.Int64 // how many of them were version probes
	canceled atomic.Int64 // how many of them ended with their context
}

func newController(api string) *controller {
	c := new(controller)
	c.api.Store(api)
	return c
}

func (c *controller) RoundTrip(req *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	status := 200
	if req.URL.Path == "/v2/" {
		c.probes.Add(1)
		status = 401
		if strings.HasPrefix(c.api.Load().(string), "1") {
			status = 404
		}
	}
	select {
	case <-time.After(c.takes):
	case <-req.Context().Done():
		c.canceled.Add(1)
		return nil, req.Context().Err()
	}
	if major := c.api.Load().(string)[:1]; status == 200 && !strings.HasPrefix(req.URL.Path, "/v"+major+"/") {
		status = 404
	}
	return response(status, "{}", version.Header+": "+c.api.Load().(string), version.PlatformHeader+": 2."+c.api.Load().(string)), nil
}

func get(ctx context.Context, c *rest.Client) error {
	_, err := rest.Get[thing](ctx, c, rest.Path("apps"))
	return err
}

func TestTheFirstCallSendsOneProbeWithoutAToken(t *testing.T) {
	for _, c := range []struct {
		situation, header string
		status            int
		spoken            string
	}{
		{"v2 requires a token", "2.2", 401, "2.2"},
		{"v1 has no such path", "1.6", 404, "1.6"},
		{"a proxy adds a token", "2.2", 200, "2.2"},
		{"a Controller that fails", "2.2", 500, "2.2"},
		{"newer", "2.10", 401, "2.3"},
		{"older", "2.1", 401, "2.1"},
	} {
		var requests []string
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			requests = append(requests, req.Method+" "+req.URL.RequestURI())
			if len(requests) > 1 {
				assert.Equal(t, c.spoken, req.Header.Get(version.Header), c.situation)
				assert.Equal(t, "token "+token, req.Header.Get("Authorization"))
				return response(200, "{}", version.Header+": "+c.header), nil
			}
			assert.NotContains(t, req.Header, "Authorization", c.situation)
			assert.Equal(t, "GET /", rest.Operation(req.Context()))
			assert.NotContains(t, req.Header, http.CanonicalHeaderKey(version.Header), "no version has been negotiated yet")
			assert.Equal(t, "application/json", req.Header.Get("Accept"))
			assert.Equal(t, "rest-test", req.Header.Get("User-Agent"))
			assert.Nil(t, req.Body)
			return response(c.status, `<h1>hi</h1>`, version.Header+": "+c.header, version.PlatformHeader+": 7.0"), nil
		}), unpinned, func(c *rest.Config) { c.BaseURL = parseURL(t, "https://deis.example.com/prefix/") })

		_, known := client.Server()
		assert.False(t, known, c.situation)
		api, err := client.Negotiate(t.Context())
		require.NoError(t, err, c.situation)
		assert.Equal(t, c.spoken, api.String(), c.situation)
		server, known := client.Server()
		assert.True(t, known)
		assert.Equal(t, c.header, server.API.String(), c.situation)
		assert.Equal(t, "7.0", server.Platform, c.situation)
		require.NoError(t, get(t.Context(), client), c.situation)
		require.NoError(t, get(t.Context(), client), c.situation)
		apps := "GET /prefix/v" + c.spoken[:1] + "/apps/"
		assert.Equal(t, []string{"GET /prefix/v2/", apps, apps}, requests, c.situation)
	}
}

func TestAPinnedClientSendsNoProbe(t *testing.T) {
	controller := newController("2.2")
	client := newClient(t, controller)
	require.NoError(t, get(t.Context(), client))
	api, err := client.Negotiate(t.Context())
	require.NoError(t, err)
	assert.Equal(t, version.V2_2, api)
	assert.Zero(t, controller.probes.Load())
	server, known := client.Server()
	assert.True(t, known)
	assert.Equal(t, rest.Server{API: version.V2_2, Platform: "2.2.2"}, server)
}

func TestTheErrorDescribesWhatIsNotAController(t *testing.T) {
	for _, c := range []struct {
		situation   string
		resp        func() *http.Response
		says        string
		alsoMatches error
	}{
		{"a web site", func() *http.Response {
			return response(200, "<html><title>Welcome to\nExample</title>", "Content-Type: text/html")
		}, `deis: GET /v2/: 200 OK: no Controller at deis.example.com: the response has no DEIS_API_VERSION header, its Content-Type is text/html: Welcome to Example`, nil},
		{"a router that finds no Controller", func() *http.Response {
			return response(502, "<html>\r\n<head><title>502 Bad Gateway</title></head>", "Content-Type: text/html")
		}, `502 Bad Gateway: no Controller at deis.example.com: the response has no DEIS_API_VERSION header, its Content-Type is text/html`, rest.ErrUnavailable},
		{"an empty response", func() *http.Response { return response(404, "") }, "the response has no DEIS_API_VERSION header", nil},
		{"an invalid version", func() *http.Response {
			return response(200, "{}", version.Header+": two", "Content-Type: application/json")
		}, `no Controller at deis.example.com: the response has the DEIS_API_VERSION "two", its Content-Type is application/json`, nil},
		{"an empty version", func() *http.Response { return response(200, "{}", version.Header+": ") }, "the response has no DEIS_API_VERSION header", nil},
	} {
		requests := 0
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			requests++
			resp := c.resp()
			if resp.Header.Get(version.Header) == "2.2" {
				resp.Header.Del(version.Header)
			}
			return resp, nil
		}), unpinned)
		for range 2 { // the failure is not remembered
			requests = 0
			err := get(t.Context(), client)
			require.ErrorIs(t, err, rest.ErrNotController, c.situation)
			assert.Contains(t, err.Error(), c.says, c.situation)
			assert.NotErrorIs(t, err, rest.ErrNotFound, "the resource can exist: %s", c.situation)
			if c.alsoMatches != nil {
				assert.ErrorIs(t, err, c.alsoMatches, c.situation)
			}
			assert.NotContains(t, err.Error(), "\n")
			assert.Equal(t, 1, requests, c.situation)
		}
		_, known := client.Server()
		assert.False(t, known)
	}
}

func TestAProbeIsRetriedLikeAnyGet(t *testing.T) {
	probes := 0
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		if probes++; probes < 3 {
			return httpmock.NewStringResponse(502, ""), nil
		}
		return response(401, ""), nil
	}), unpinned, retryTwice)
	api, err := client.Negotiate(t.Context())
	require.NoError(t, err)
	assert.Equal(t, version.V2_2, api)
	assert.Equal(t, 3, probes)
}

func TestTheResponseToAProbeIsReadToItsEndAndClosed(t *testing.T) {
	unread := strings.NewReader(strings.Repeat("x", 10_000))
	closed := 0
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		resp := response(401, "")
		resp.Body = &closer{Reader: unread, closed: func() { closed++ }}
		return resp, nil
	}), unpinned)
	_, err := client.Negotiate(t.Context())
	require.NoError(t, err)
	assert.Zero(t, unread.Len(), "so that the connection can be reused")
	assert.Equal(t, 1, closed)
}

func TestAResponseToAProbeWithoutEndIsNotReadForLong(t *testing.T) {
	read := 0
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		resp := response(401, "")
		resp.Body = io.NopCloser(reader(func(p []byte) (int, error) {
			read += len(p)
			return len(p), nil
		}))
		return resp, nil
	}), unpinned)
	_, err := client.Negotiate(t.Context())
	require.NoError(t, err)
	assert.Less(t, read, 128<<10)
}

func TestAProbeEndsWithTheFirstResponseThatNamesTheVersion(t *testing.T) {
	for _, status := range []int{200, 401, 404, 408, 429, 500, 502, 503, 504} {
		probes := 0
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			probes++
			return response(status, ""), nil
		}), unpinned, retryTwice)
		api, err := client.Negotiate(t.Context())
		require.NoError(t, err, status)
		assert.Equal(t, version.V2_2, api, status)
		assert.Equal(t, 1, probes, status)
	}
}

func TestACanceledProbeSaysHowTheLastAttemptFailed(t *testing.T) {
	for said, outcome := range map[string]outcome{
		"last failure: 503 Service Unavailable":            {status: 503},
		"last failure: read tcp: connection reset by peer": {err: reset},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
				if outcome.err != nil {
					return nil, outcome.err
				}
				return httpmock.NewStringResponse(outcome.status, ""), nil
			}), unpinned, func(c *rest.Config) {
				c.Retry = rest.RetryPolicy{Max: 1000, MinWait: time.Second, MaxWait: time.Second}
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			time.AfterFunc(3*time.Second+time.Millisecond, cancel)
			err := get(ctx, client)
			require.ErrorIs(t, err, context.Canceled)
			assert.NotErrorIs(t, err, rest.ErrUnavailable)
			assert.Regexp(t, "^deis: GET /v2/: context canceled: [0-9]+ attempts: "+said+"$", err.Error())
		})
	}
}

func TestAfterAMismatchNothingIsSentAndNothingRemembered(t *testing.T) {
	controller := newController("3.0")
	client := newClient(t, controller, unpinned)
	for i := range 2 {
		err := get(t.Context(), client)
		var mismatch *version.MismatchError
		require.ErrorAs(t, err, &mismatch)
		assert.Equal(t, version.API{Major: 3}, mismatch.Server)
		assert.EqualValues(t, i+1, controller.requests.Load())
	}
	server, known := client.Server()
	assert.True(t, known, "it is a Controller")
	assert.Equal(t, 3, server.API.Major)
	controller.api.Store("2.2")
	require.NoError(t, get(t.Context(), client))
}

func TestAFailedProbeIsNotRemembered(t *testing.T) {
	controller := newController("2.2")
	fails := true
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		if fails {
			return nil, noServer
		}
		return controller.RoundTrip(req)
	}), unpinned)
	var resp rest.Response
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"), rest.WithResponse(&resp))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.Contains(t, err.Error(), "deis: GET /v2/: dial tcp: connection refused")
	assert.Zero(t, resp)
	fails = false
	require.NoError(t, get(t.Context(), client))
}

func TestConcurrentFirstCallsShareOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		controller := newController("2.2")
		controller.takes = time.Second
		client := newClient(t, controller, unpinned)
		results := make(chan error)
		for i := range 50 {
			own := client
			if i%2 == 1 {
				own = client.With(rest.Config{
					BaseURL: parseURL(t, "https://deis.example.com"), HTTP: &http.Client{Transport: controller}, Token: func(context.Context) (string, error) { return "another", nil },
				})
			}
			go func() { results <- get(t.Context(), own) }()
		}
		for range 50 {
			require.NoError(t, <-results)
		}
		assert.EqualValues(t, 1, controller.probes.Load())
		assert.EqualValues(t, 51, controller.requests.Load())
	})
}

func TestCallsThatWaitedThroughTwoFailedProbesShareTheFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, probes := time.Now(), 0
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			probes++
			time.Sleep(time.Second)
			return nil, io.ErrUnexpectedEOF
		}), unpinned)
		results := make(chan error)
		for range 10 {
			go func() { results <- get(t.Context(), client) }()
		}
		for range 10 {
			require.ErrorIs(t, <-results, io.ErrUnexpectedEOF)
		}
		assert.Equal(t, 2, probes)
		assert.Equal(t, 2*time.Second, time.Since(start), "one probe at a time")
		require.ErrorIs(t, get(t.Context(), client), io.ErrUnexpectedEOF)
		assert.Equal(t, 3, probes, "a failure is not remembered")
	})
}

func TestACallThatEndsEarlyNeitherBreaksNorBlocksOthers(t *testing.T) {
	for _, leaver := range []string{"the first", "another"} {
		synctest.Test(t, func(t *testing.T) {
			controller := newController("2.2")
			controller.takes = time.Second
			client := newClient(t, controller, unpinned, func(c *rest.Config) { c.BaseURL = parseURL(t, "https://deis.example.com/") })
			leaving, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			first, second := leaving, t.Context()
			if leaver == "another" {
				first, second = second, first
			}
			start, results := time.Now(), make(chan error, 2)
			go func() { results <- get(first, client) }()
			synctest.Wait()
			go func() { results <- get(second, client) }()

			err := <-results
			require.ErrorIs(t, err, context.DeadlineExceeded, leaver)
			assert.EqualError(t, err, map[string]string{
				"the first": "deis: GET /v2/: context deadline exceeded",
				"another":   "deis: GET /v2/: waiting for the version probe of another call: context deadline exceeded",
			}[leaver])
			assert.Equal(t, 100*time.Millisecond, time.Since(start), leaver)
			require.NoError(t, <-results, leaver)
			assert.EqualValues(t, map[string]int{"the first": 2, "another": 1}[leaver], controller.probes.Load(), leaver)
		})
	}
}

func TestAProbeIsCanceledWhenNoCallWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		controller := newController("2.2")
		controller.takes = time.Hour
		client := newClient(t, controller, unpinned)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		results := make(chan error)
		for range 3 {
			go func() { results <- get(ctx, client) }()
		}
		for range 3 {
			require.ErrorIs(t, <-results, context.DeadlineExceeded)
		}
		synctest.Wait()
		assert.EqualValues(t, 1, controller.canceled.Load())

		controller.takes = time.Second
		require.NoError(t, get(t.Context(), client), "the next call probes again")
		assert.EqualValues(t, 2, controller.probes.Load())
	})
}

func TestNoCallUsesAProbeThatWasCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var probes atomic.Int64
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/v2/" {
				if probes.Add(1) == 1 {
					time.Sleep(time.Minute) // and ignores the context
					return nil, context.Canceled
				}
			}
			return response(200, "{}"), nil
		}), unpinned)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, get(ctx, client), context.DeadlineExceeded)
		require.NoError(t, get(t.Context(), client))
		time.Sleep(time.Hour) // the late response to the first probe does no harm
		require.NoError(t, get(t.Context(), client))
		assert.EqualValues(t, 2, probes.Load())
	})
}

func TestACallWhoseContextHasEndedSendsNoProbe(t *testing.T) {
	controller := newController("2.2")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	synctest.Test(t, func(t *testing.T) {
		require.ErrorIs(t, get(ctx, newClient(t, controller, unpinned)), context.Canceled)
		synctest.Wait()
		assert.Zero(t, controller.requests.Load())
	})
}

func TestAClientSurvivesAnUpgradeOfTheController(t *testing.T) {
	controller := newController("1.6")
	client := newClient(t, controller, unpinned)
	require.NoError(t, get(t.Context(), client))

	controller.api.Store("2.2")
	err := get(t.Context(), client)
	require.EqualError(t, err, "deis: GET /v1/apps/: 404 Not Found: the Controller speaks API 2.2, but this call used 1.6")
	assert.NotErrorIs(t, err, rest.ErrNotFound, "it says nothing about the resource")
	require.NoError(t, get(t.Context(), client), "the next call negotiates again")
	assert.EqualValues(t, 2, controller.probes.Load())
	api, err := client.Negotiate(t.Context())
	require.NoError(t, err)
	assert.Equal(t, version.V2_2, api)

	for _, minor := range []string{"2.1", "2.0", "2.9"} { // another minor version is spoken at once
		controller.api.Store(minor)
		require.NoError(t, get(t.Context(), client))
		api, err := client.Negotiate(t.Context())
		require.NoError(t, err)
		want, err := version.Parse(minor)
		require.NoError(t, err)
		assert.Equal(t, version.API{Major: 2, Minor: min(version.V2_3.Minor, want.Minor)}, api)
		server, _ := client.Server()
		assert.Equal(t, want, server.API)
	}
	assert.EqualValues(t, 2, controller.probes.Load())

	controller.api.Store("3.0")
	require.Error(t, get(t.Context(), client))
	var mismatch *version.MismatchError
	require.ErrorAs(t, get(t.Context(), client), &mismatch)
}

func TestForeignResponsesDoNotChangeTheNegotiatedVersion(t *testing.T) {
	controller := newController("2.2")
	foreign := false
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		resp, err := controller.RoundTrip(req)
		if foreign {
			resp.Header.Del(version.Header)
		}
		return resp, err
	}), unpinned)
	require.NoError(t, get(t.Context(), client))
	foreign = true
	require.ErrorIs(t, get(t.Context(), client), rest.ErrNotController)
	foreign = false
	require.NoError(t, get(t.Context(), client))
	assert.EqualValues(t, 1, controller.probes.Load())
	_, known := client.Server()
	assert.True(t, known)
}

func TestRequireRefusesOperationsThatTheVersionDoesNotHave(t *testing.T) {
	for _, c := range []struct {
		api, need version.API
		ok        bool
	}{
		{version.V1_6, version.API{Major: 2}, false},
		{version.API{Major: 2, Minor: 1}, version.V2_2, false},
		{version.API{Major: 2, Minor: 1}, version.API{Major: 2}, true},
		{version.V2_2, version.V2_2, true},
		{version.V2_2, version.V1_6, true},
	} {
		client := newClient(t, always(500, ""), func(config *rest.Config) { config.API = c.api })
		err := client.Require(t.Context(), "whoami", c.need)
		if c.ok {
			assert.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, errors.ErrUnsupported)
		assert.EqualError(t, err, "deis: API "+c.need.String()+" is needed for whoami, but the Controller speaks "+c.api.String())
	}
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) { return nil, noServer }), unpinned)
	assert.ErrorIs(t, client.Require(t.Context(), "whoami", version.V2_2), syscall.ECONNREFUSED)
}
