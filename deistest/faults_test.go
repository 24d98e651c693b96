package deistest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// get requests a URL as the administrator of a Controller.
func get(ctx context.Context, c *deistest.Controller, rt http.RoundTripper, url string) (
	resp *http.Response, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Authorization", "token "+c.Token())
	resp, err = (&http.Client{Transport: rt}).Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp, body, err
}

func TestWhichRequestsAFaultMatches(t *testing.T) {
	for _, row := range []struct {
		fault   deistest.Fault
		path    string
		matches bool
	}{
		{deistest.Fault{}, "/v2/", true},
		{deistest.Fault{Method: "GET"}, "/v2/apps/", true},
		{deistest.Fault{Method: "POST"}, "/v2/apps/", false},
		{deistest.Fault{Path: "/v2/apps/"}, "/v2/apps", true},
		{deistest.Fault{Path: "/apps"}, "/v2/apps/", true},
		{deistest.Fault{Path: "/v1/apps/"}, "/v2/apps/", false},
		{deistest.Fault{Path: "/v2/apps/"}, "/v2/apps/web/", false},
		{deistest.Fault{Path: "/apps/*/builds/"}, "/v2/apps/web/builds/", true},
		{deistest.Fault{Path: "/apps/*/builds/"}, "/v2/apps/web/builds/1/", false},
		{deistest.Fault{Path: "/v2/apps/..."}, "/v2/apps/web/builds/1/", true},
		{deistest.Fault{Path: "/apps/..."}, "/v2/apps/web/builds/1/", true},
		{deistest.Fault{Path: "/apps/..."}, "/v2/apps", true},
		{deistest.Fault{Path: "/apps/..."}, "/v2/users/", false},
		{deistest.Fault{Method: "get"}, "/v2/apps/", true},
	} {
		row.fault.Status = http.StatusTeapot
		status, _ := call(t, deistest.New(deistest.WithFault(row.fault)), "admin", "GET", row.path, "")
		assert.Equal(t, row.matches, status == http.StatusTeapot, "%+v matches %s", row.fault, row.path)
	}
}

func TestAFaultThatCouldNeverStrikePanics(t *testing.T) {
	for want, fault := range map[string]deistest.Fault{
		`"/apps/[" of a fault is not a valid pattern`: {Path: "/apps/[", Drop: true},
		`"apps/web" of a fault must begin with /`:     {Path: "apps/web", Drop: true},
		"99 of a fault must be from 200 to 599":       {Status: 99},
		"Proxy, but no Status":                        {Body: "out of order"},
		"Body or Proxy":                               {Proxy: true},
		"After or Late":                               {After: true, Truncate: true},
		"Late, but no Status":                         {Late: time.Second},
		"both Drop and Hang":                          {Drop: true, Hang: true},
		"both After and Late":                         {Drop: true, After: true, Late: time.Second},
	} {
		for _, use := range []func(){
			func() { deistest.WithFault(fault) },
			func() { deistest.New().AddFault(fault) },
		} {
			func() {
				defer func() { assert.Contains(t, fmt.Sprint(recover()), want) }()
				use()
			}()
		}
	}
}

func TestSkipAndTimesLimitAFault(t *testing.T) {
	c := deistest.New(deistest.WithFault(deistest.Fault{Path: "/apps/", Status: 503, Skip: 1, Times: 2}))
	for i, want := range []int{200, 503, 503, 200} {
		status, _ := call(t, c, "admin", "GET", "/v2/apps/", "")
		assert.Equal(t, want, status, "request %d", i+1)
	}
}

func TestAFaultHappensBeforeOrAfterTheWork(t *testing.T) {
	for name, row := range map[string]struct {
		fault   deistest.Fault
		created string
	}{
		"refused":                    {deistest.Fault{Status: 503}, `"count":0`},
		"refused after the work":     {deistest.Fault{Status: 503, After: true}, `"count":1`},
		"dropped":                    {deistest.Fault{Drop: true}, `"count":0`},
		"dropped after the work":     {deistest.Fault{Drop: true, After: true}, `"count":1`},
		"cut off after the work":     {deistest.Fault{Truncate: true}, `"count":1`},
		"dropped, with the work due": {deistest.Fault{Drop: true, Late: time.Hour}, `"count":0`},
	} {
		t.Run(name, func(t *testing.T) {
			row.fault.Method = "POST"
			server := deistest.NewServer(deistest.WithFault(row.fault))
			defer server.Close()
			r, err := http.NewRequest("POST", server.URL+"/v2/apps/", strings.NewReader("{}"))
			require.NoError(t, err)
			r.Header.Set("Authorization", "token "+server.Token)
			r.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(r)
			if row.fault.Drop {
				assert.Error(t, err)
			} else if assert.NoError(t, err) {
				_, err = io.Copy(io.Discard, resp.Body)
				assert.Equal(t, row.fault.Truncate, errors.Is(err, io.ErrUnexpectedEOF))
			}
			_, body := call(t, server.Controller, "admin", "GET", "/v2/apps/", "")
			assert.Contains(t, body, row.created)
		})
	}
}

// A gateway or the client gives up on a request, and the Controller carries it out later.
func TestLateWorkIsDoneAfterTheResponse(t *testing.T) {
	for name, fault := range map[string]deistest.Fault{
		"a gateway timeout":  {Status: 504, Body: "<h1>504</h1>", ContentType: "text/html", Proxy: true},
		"a lost connection":  {Drop: true},
		"no response at all": {Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fault.Method, fault.Late = "POST", time.Minute
				c := deistest.New(deistest.WithFault(fault))
				apps := func() string {
					_, body := call(t, c, "admin", "GET", "/v2/apps/", "")
					return body
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				r, err := http.NewRequestWithContext(ctx, "POST", "http://deis.test/v2/apps/", strings.NewReader("{}"))
				require.NoError(t, err)
				r.Header.Set("Authorization", "token "+c.Token())
				r.Header.Set("Content-Type", "application/json")
				resp, err := c.Transport().RoundTrip(r)
				switch {
				case fault.Status != 0:
					require.NoError(t, err)
					assert.Equal(t, fault.Status, resp.StatusCode)
				case fault.Hang:
					assert.ErrorIs(t, err, context.DeadlineExceeded)
				default:
					assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
				}
				cancel()
				assert.Contains(t, apps(), `"count":0`)
				time.Sleep(time.Minute)
				synctest.Wait()
				assert.Contains(t, apps(), `"count":1`)
			})
		})
	}
}

func TestHangingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := deistest.New(deistest.WithFault(deistest.Fault{Hang: true, After: true}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		_, _, err := get(ctx, c, c.Transport(), "http://deis.test/v2/")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Hour, time.Since(start))
	})
}

func TestUnmetReturnsFaultsThatNoRequestTriggered(t *testing.T) {
	server := deistest.Start(t,
		deistest.WithFault(deistest.Fault{Path: "/apps/", Status: 503, Times: 1}),
		deistest.WithFault(deistest.Fault{Path: "/aps/", Status: 503}),
		deistest.WithFault(deistest.Fault{Path: "/users/", Status: 503, Skip: 1}),
	)
	for _, path := range []string{"/v2/apps/", "/v2/apps/", "/v2/users/"} {
		call(t, server.Controller, "admin", "GET", path, "")
	}
	unmet := server.Unmet()
	require.Len(t, unmet, 2)
	assert.Equal(t, "/aps/", unmet[0].Path)
	assert.Equal(t, "/users/", unmet[1].Path)
	call(t, server.Controller, "admin", "GET", "/v2/users/", "")
	assert.Len(t, server.Unmet(), 1)
	server.ClearFaults()
	assert.Empty(t, server.Unmet())
}

func TestAProxysResponseHasNoVersionHeader(t *testing.T) {
	c := deistest.New(
		deistest.WithFault(deistest.Fault{
			Path: "/apps", Status: 502, Body: "<h1>502</h1>", ContentType: "text/html", Proxy: true}),
		deistest.WithFault(deistest.Fault{Path: "/users", Status: 429, Header: map[string]string{"Retry-After": "3"}}),
	)
	resp, body, err := get(t.Context(), c, c.Transport(), "http://deis.test/v2/apps")
	require.NoError(t, err)
	assert.Equal(t, "<h1>502</h1>", string(body))
	assert.Equal(t, "text/html", resp.Header.Get("Content-Type"))
	assert.Empty(t, resp.Header.Get(version.Header))

	resp, body, err = get(t.Context(), c, c.Transport(), "http://deis.test/v2/users")
	require.NoError(t, err)
	assert.Empty(t, body)
	assert.Equal(t, "3", resp.Header.Get("Retry-After"))
	assert.Equal(t, "2.2", resp.Header.Get(version.Header))
}

func TestFaultsCanBeAddedAndCleared(t *testing.T) {
	c := deistest.New()
	c.AddFault(deistest.Fault{Status: 503})
	status, _ := call(t, c, "admin", "GET", "/v2/", "")
	assert.Equal(t, 503, status)
	c.ClearFaults()
	status, _ = call(t, c, "admin", "GET", "/v2/", "")
	assert.Equal(t, 200, status)
}

// A Controller behind its Transport reports the same failures as one behind a network.
func TestTransportFailsLikeANetwork(t *testing.T) {
	c := deistest.New(
		deistest.WithFault(deistest.Fault{Path: "/apps", Drop: true}),
		deistest.WithFault(deistest.Fault{Path: "/users", Truncate: true}),
	)
	_, _, err := get(t.Context(), c, c.Transport(), "http://deis.test/v2/apps")
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	resp, body, err := get(t.Context(), c, c.Transport(), "http://deis.test/v2/users")
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.EqualValues(t, resp.ContentLength/2, len(body))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = get(ctx, c, c.Transport(), "http://deis.test/v2/")
	assert.ErrorIs(t, err, context.Canceled)
}

func TestLatencyEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := deistest.New(deistest.WithLatency(time.Minute),
			deistest.WithFault(deistest.Fault{Path: "/users", Delay: time.Hour}))
		start := time.Now()
		_, _, err := get(t.Context(), c, c.Transport(), "http://deis.test/v2/apps")
		require.NoError(t, err)
		assert.Equal(t, time.Minute, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err = get(ctx, c, c.Transport(), "http://deis.test/v2/users")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestPodsComeUpAfterTheStartDelay(t *testing.T) {
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		synctest.Test(t, func(t *testing.T) {
			starting := map[version.API]string{version.V1_6: "created", version.V2_2: "initializing"}[c.APIVersion()]
			runSteps(t, c, []step{
				{request: `POST /apps/ {"id": "example-go"}`, status: 201},
				{request: `POST /apps/example-go/builds/ {"image": "a/b:1", "sha": "abc", "procfile": {"web": "x"}}`, status: 201},
			})
			assert.Equal(t, map[string]int{"web " + starting: 1}, podStates(t, c))
			time.Sleep(3 * time.Second)
			assert.Equal(t, map[string]int{"web up": 1}, podStates(t, c))
			runSteps(t, c, []step{{request: `POST /apps/example-go/scale/ {"web": 3}`, status: 204}})
			assert.Equal(t, map[string]int{"web up": 1, "web " + starting: 2}, podStates(t, c))

			require.NoError(t, c.CrashPod("example-go", "web.1"))
			time.Sleep(3 * time.Second)
			assert.Equal(t, map[string]int{"web up": 2, "web crashed": 1}, podStates(t, c))
			status, _ := call(t, c, "admin", "POST", podsPath(c.APIVersion())+"web/restart/", "")
			assert.Equal(t, 200, status)
			time.Sleep(3 * time.Second)
			assert.Equal(t, map[string]int{"web up": 3}, podStates(t, c))
			assert.Error(t, c.CrashPod("example-go", "web.4"))
			assert.Error(t, c.CrashPod("nosuch", "web.1"))
		})
	}, deistest.WithStartDelay(3*time.Second))
}

func TestRequestsAreRemembered(t *testing.T) {
	c := deistest.New(deistest.WithFault(deistest.Fault{Method: "DELETE", Status: 503}))
	call(t, c, "admin", "GET", "/v2/apps/?limit=2", "")
	call(t, c, "admin", "DELETE", "/v2/apps/nosuch/", "")
	call(t, c, "", "GET", "/v2/", "")
	requests := c.Requests()
	require.Len(t, requests, 3)
	assert.Equal(t, deistest.Request{Method: "GET", Path: "/v2/apps/", Query: "limit=2", Status: 200}, requests[0])
	assert.Equal(t, "GET /v2/apps/?limit=2", requests[0].String())
	assert.Equal(t, 503, requests[1].Status)
	assert.Equal(t, 401, requests[2].Status)
}

func TestBodiesAreRememberedButNotPrinted(t *testing.T) {
	c := deistest.New()
	call(t, c, "", "POST", "/v2/auth/login/", `{"username": "admin", "password": "opensesame"}`)
	seen := c.Requests()[0]
	assert.JSONEq(t, `{"username": "admin", "password": "opensesame"}`, seen.Body)
	assert.NotContains(t, fmt.Sprintf("%v %+v %s", seen, seen, c.Requests()), "opensesame")
}

func TestCloseLeavesNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	server := deistest.NewServer(deistest.WithLatency(time.Hour),
		deistest.WithFault(deistest.Fault{Path: "/apps", Delay: -time.Hour, Hang: true}))
	rt := &http.Transport{}
	for _, path := range []string{"/v2/", "/v2/apps"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, _, err := get(ctx, server.Controller, rt, server.URL+path)
		assert.Error(t, err)
	}
	assert.Empty(t, server.Unmet())
	server.Close()
	rt.CloseIdleConnections()
	for range 500 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond) // the connection's goroutines end a little later
	}
	t.Errorf("%d goroutines are left, want at most %d", runtime.NumGoroutine(), before)
}

func TestADroppedConnectionPanicsWithErrAbortHandler(t *testing.T) {
	c := deistest.New(deistest.WithFault(deistest.Fault{Drop: true}))
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
		c.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v2/", nil))
	})
}
