package rest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

func TestRedirectsAreFollowedOnlyOnTheSameHost(t *testing.T) {
	get := func(c *rest.Client) error {
		_, err := rest.Get[thing](t.Context(), c, rest.Path("apps"))
		return err
	}
	post := func(c *rest.Client) error {
		_, err := rest.Post[thing](t.Context(), c, rest.Path("apps"), nil)
		return err
	}
	del := func(c *rest.Client) error { return rest.Delete(t.Context(), c, rest.Path("apps", "a")) }
	const (
		write     = "redirected to https://deis.example.com: refused: a redirect can turn this write into a GET; use https://deis.example.com as the controller URL"
		otherHost = "it leads to another host; use that host in the controller URL if it is the Controller's"
	)
	for _, c := range []struct {
		situation string
		call      func(*rest.Client) error
		status    int
		from, to  string
		refused   string // why, or "" if it is followed
	}{
		{"another path", get, 301, "https://deis.example.com", "/elsewhere", ""},
		{"another path, absolute", get, 302, "https://deis.example.com", "https://deis.example.com/elsewhere", ""},
		{"from http to https", get, 301, "http://deis.example.com", "https://deis.example.com/v2/apps/", ""},
		{"from http to https, ports written out", get, 308, "http://deis.example.com:80", "https://deis.example.com:443/x", ""},
		{"another host", get, 302, "https://deis.example.com", "https://evil.example.com/v2/apps/", "another host; use that host in the controller URL"},
		{"a subdomain", get, 302, "https://deis.example.com", "https://x.deis.example.com/", "another host"},
		{"another port", get, 302, "https://deis.example.com", "https://deis.example.com:8443/", "another host"},
		{"https at another port", get, 302, "http://deis.example.com", "https://deis.example.com:8443/", "another host"},
		{"http at another port to https", get, 302, "http://deis.example.com:8080", "https://deis.example.com/", "another host"},
		{"http to https at the same port", get, 302, "http://deis.example.com:8080", "https://deis.example.com:8080/", ""},
		{"from http to https, the first port written out", get, 302, "http://deis.example.com:80", "https://deis.example.com/x", ""},
		{"from http to https, the second port written out", get, 302, "http://deis.example.com", "https://deis.example.com:443/x", ""},
		{"https, now with the port written out", get, 302, "https://deis.example.com", "https://deis.example.com:443/", ""},
		{"http, now with the port written out", get, 302, "http://deis.example.com", "http://deis.example.com:80/", ""},
		{"http at the port of https", get, 302, "http://deis.example.com", "http://deis.example.com:443/", "another host"},
		{"another scheme at the port of https", get, 302, "http://deis.example.com", "ftp://deis.example.com:443/", "another host"},
		{"https at another host, the port written out", get, 302, "http://deis.example.com", "https://evil.example.com:443/", "another host"},
		{"http to https at the port of http", get, 302, "http://deis.example.com", "https://deis.example.com:80/", "another host"},
		{"https at another host", get, 302, "http://deis.example.com", "https://evil.example.com/", "another host"},
		{"from https to http", get, 301, "https://deis.example.com", "http://deis.example.com/", "it leaves https"},
		{"a host without a scheme", get, 307, "https://deis.example.com", "//evil.example.com/", "another host"},
		{"another scheme", get, 302, "https://deis.example.com", "ftp://deis.example.com/", "it leaves https"},
		{"post", post, 301, "https://deis.example.com", "/elsewhere", write},
		{"post that would stay a post", post, 308, "https://deis.example.com", "/elsewhere", write},
		{"post from http to https", post, 301, "http://deis.example.com", "https://deis.example.com/v2/apps/", write},
		{"delete", del, 302, "https://deis.example.com", "/elsewhere", write},
		{"delete to another host", del, 307, "https://deis.example.com", "https://evil.example.com/in?a=b", "redirected to https://evil.example.com: refused: " + otherHost},
		{"post to another host", post, 302, "https://deis.example.com", "https://evil.example.com/", otherHost},
		{"post from https to http", post, 302, "https://deis.example.com", "http://deis.example.com/", "it leaves https"},
		{"another spelling of the host", get, 302, "https://deis.example.com", "https://Deis.EXAMPLE.com/", ""},
		{"another spelling of the host with its port", get, 302, "http://DEIS.example.com:8080", "https://deis.example.com:8080/", ""},
		{"from http to https in another spelling", get, 302, "http://Deis.example.com", "https://deis.example.com/x", ""},
		{"post to another spelling of the host", post, 302, "https://deis.example.com", "https://DEIS.example.com/", "use https://DEIS.example.com as the controller URL"},
	} {
		var requested []string
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			requested = append(requested, req.URL.String())
			if len(requested) == 1 {
				resp := response(c.status, "<h1>Moved</h1>", "Location: "+c.to)
				resp.Request = req
				return resp, nil
			}
			assert.Equal(t, "token "+token, req.Header.Get("Authorization"), c.situation)
			assert.Equal(t, "GET", req.Method, c.situation)
			return response(200, `{"id":"a"}`), nil
		}), retryTwice, func(config *rest.Config) { config.BaseURL = parseURL(t, c.from) })
		err := c.call(client)
		if c.refused == "" {
			require.NoError(t, err, c.situation)
			assert.Len(t, requested, 2, c.situation)
			continue
		}
		assert.Len(t, requested, 1, "%s: was followed to %v", c.situation, requested)
		var failed *rest.Error
		require.ErrorAs(t, err, &failed, c.situation)
		assert.Equal(t, c.status, failed.StatusCode, c.situation)
		assert.Contains(t, err.Error(), http.StatusText(c.status)+": redirected to ", c.situation)
		assert.Contains(t, err.Error(), c.refused, c.situation)
	}
}

func TestARedirectAfterAnUpgradeDoesNotLeadBack(t *testing.T) {
	var requested []string
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		requested = append(requested, req.URL.String())
		to := "https://deis.example.com/v2/apps/"
		if req.URL.Scheme == "https" {
			to = "http://deis.example.com/v2/apps/"
		}
		resp := response(302, "", "Location: "+to)
		resp.Request = req
		return resp, nil
	}), func(config *rest.Config) { config.BaseURL = parseURL(t, "http://deis.example.com") })
	assert.ErrorContains(t, get(t.Context(), client), "it leaves https")
	assert.Equal(t, []string{"http://deis.example.com/v2/apps/", "https://deis.example.com/v2/apps/"}, requested)
}

func TestARefusedRedirectShowsOnlyItsSchemeAndHost(t *testing.T) {
	_, err := rest.Get[thing](t.Context(), newClient(t, always(302, "", "Location: https://me:secretsecret@sso.example.com/secretsecret?secret=secretsecret#secretsecret")), rest.Path("apps"))
	require.Error(t, err)
	assert.Contains(t, err.Error(), "redirected to https://sso.example.com: refused")
	assert.NotContains(t, err.Error(), "secretsecret")
}

func TestACircularRedirectEnds(t *testing.T) {
	requests := 0
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		requests++
		return response(302, "", "Location: /v2/apps/"), nil
	}), retryTwice)
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
	require.Error(t, err)
	assert.Contains(t, err.Error(), "too many redirects")
	assert.Equal(t, 10, requests)
}

func TestARedirectWithoutALocationIsAnError(t *testing.T) {
	for _, headers := range [][]string{nil, {"Location: "}} {
		_, err := rest.Get[thing](t.Context(), newClient(t, always(301, "", headers...)), rest.Path("apps"))
		var failed *rest.Error
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, 301, failed.StatusCode)
	}
}

func TestThePolicyOfTheCallersHTTPClientIsAppliedLast(t *testing.T) {
	mine := errors.New("not with me")
	requests, decisions := 0, 0
	own := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error {
			decisions++
			return mine
		},
		Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			requests++
			return response(302, "", "Location: /elsewhere"), nil
		}),
	}
	client := newClient(t, nil, retryTwice, func(c *rest.Config) { c.HTTP = own })
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
	require.ErrorIs(t, err, mine)
	assert.Equal(t, 1, requests, "a refusal is not retried")
	assert.Equal(t, 1, decisions)

	_, err = rest.Post[thing](t.Context(), client, rest.Path("apps"), nil)
	require.Error(t, err)
	assert.NotErrorIs(t, err, mine, "it cannot allow a redirect that is never followed")

	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	_, err = rest.Get[thing](t.Context(), newClient(t, nil, func(c *rest.Config) { c.HTTP = own }), rest.Path("apps"))
	var failed *rest.Error
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, 302, failed.StatusCode)
}

func TestAnotherHostNeverSeesTheToken(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		t.Errorf("got a request for %s with %v", req.URL, req.Header)
	}))
	defer other.Close()
	_, client := newServer(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set(version.Header, "2.2")
		if req.URL.Path == "/v2/" {
			w.WriteHeader(401)
			return
		}
		http.Redirect(w, req, other.URL, http.StatusFound)
		io.WriteString(w, "moved")
	}, func(c *rest.Config) { c.API = version.API{} })
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
	assert.ErrorContains(t, err, "another host")
	_, err = rest.Post[thing](t.Context(), client, rest.Path("auth", "login"), thing{"password"})
	assert.ErrorContains(t, err, "another host")
}
