package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// token is what the clients of these tests send.
const token = "0123456789abcdef"

// roundTrip is a transport in memory.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// newClient makes a client with a transport, pinned to API 2.2 and without retries unless a change says otherwise.
func newClient(t testing.TB, transport http.RoundTripper, changes ...func(*rest.Config)) *rest.Client {
	t.Helper()
	config := rest.Config{
		BaseURL:   parseURL(t, "https://deis.example.com"),
		Token:     func(context.Context) (string, error) { return token, nil },
		HTTP:      &http.Client{Transport: transport},
		API:       version.V2_2,
		UserAgent: "rest-test",
	}
	for _, change := range changes {
		change(&config)
	}
	return rest.New(config)
}

// newServer serves on loopback, and makes a client for it with its own connections.
func newServer(t testing.TB, handler http.HandlerFunc, changes ...func(*rest.Config)) (*httptest.Server, *rest.Client) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	at := func(c *rest.Config) { c.BaseURL = parseURL(t, server.URL) }
	return server, newClient(t, transport, append([]func(*rest.Config){at}, changes...)...)
}

func parseURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}

func unescape(t testing.TB, elem string) string {
	t.Helper()
	text, err := url.PathUnescape(elem)
	require.NoError(t, err)
	return text
}

// response makes a response of a 2.2 Controller; headers are written "Key: value".
func response(status int, body string, headers ...string) *http.Response {
	resp := httpmock.NewStringResponse(status, body)
	resp.Header.Set(version.Header, "2.2")
	for _, header := range headers {
		key, value, _ := strings.Cut(header, ": ")
		resp.Header.Set(key, value)
	}
	return resp
}

// always is a transport that gives every request the same response.
func always(status int, body string, headers ...string) roundTrip {
	return func(*http.Request) (*http.Response, error) { return response(status, body, headers...), nil }
}

type thing struct {
	ID string `json:"id"`
}

func TestACallIsOneExchange(t *testing.T) {
	const prefix = "https://deis.example.com/behind/a%20proxy"
	changes := thing{"new"}
	for _, c := range []struct {
		situation string
		call      func(*rest.Client) error
		method    string
		uri, body string
	}{
		{
			"get", func(c *rest.Client) error {
				got, err := rest.Get[thing](t.Context(), c, rest.Path("apps", "a"))
				if err == nil {
					assert.Equal(t, &thing{"a"}, got)
				}
				return err
			}, "GET", "/behind/a%20proxy/v2/apps/a/", "",
		},
		{
			"get with a query", func(c *rest.Client) error {
				_, err := rest.Get[thing](t.Context(), c, rest.Path("apps", "a", "logs"), rest.WithQuery(struct {
					Lines int    `url:"log_lines"`
					Text  string `url:"text"`
					Empty string `url:"empty,omitempty"`
				}{Lines: 5, Text: "a b&c"}))
				return err
			}, "GET", "/behind/a%20proxy/v2/apps/a/logs/?log_lines=5&text=a+b%26c", "",
		},
		{
			"post", func(c *rest.Client) error {
				got, err := rest.Post[thing](t.Context(), c, rest.Path("apps"), changes)
				if err == nil {
					assert.Equal(t, &thing{"a"}, got)
				}
				return err
			}, "POST", "/behind/a%20proxy/v2/apps/", `{"id":"new"}`,
		},
		{
			"post of nothing", func(c *rest.Client) error {
				_, err := rest.Post[struct{}](t.Context(), c, rest.Path("apps", "a", "run"), nil)
				return err
			}, "POST", "/behind/a%20proxy/v2/apps/a/run/", `{}`,
		},
		{
			"delete", func(c *rest.Client) error {
				return rest.Delete(t.Context(), c, rest.Path("keys", "a b").NoSlash())
			}, "DELETE", "/behind/a%20proxy/v2/keys/a%20b", "",
		},
		{
			"delete with a body", func(c *rest.Client) error {
				return rest.Delete(t.Context(), c, rest.Path("auth", "cancel"), rest.WithBody(map[string]string{"username": "jo"}))
			}, "DELETE", "/behind/a%20proxy/v2/auth/cancel/", `{"username":"jo"}`,
		},
	} {
		for _, slash := range []string{"", "/"} {
			var requests []string
			client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
				requests = append(requests, req.Method+" "+req.URL.RequestURI())
				assert.Equal(t, "deis.example.com", req.URL.Host)
				assert.Equal(t, "application/json", req.Header.Get("Accept"))
				assert.Equal(t, "token "+token, req.Header.Get("Authorization"))
				assert.Equal(t, "rest-test", req.Header.Get("User-Agent"))
				assert.Equal(t, "2.2", req.Header.Get(version.Header))
				if c.body == "" {
					assert.Nil(t, req.Body)
					assert.NotContains(t, req.Header, "Content-Type")
					return response(200, `{"id":"a"}`), nil
				}
				body, err := io.ReadAll(req.Body)
				require.NoError(t, err)
				assert.JSONEq(t, c.body, string(body))
				assert.EqualValues(t, len(body), req.ContentLength)
				assert.Equal(t, "application/json", req.Header.Get("Content-Type"))
				return response(200, `{"id":"a"}`), nil
			}), func(c *rest.Config) { c.BaseURL = parseURL(t, prefix+slash) })
			require.NoError(t, c.call(client), c.situation)
			assert.Equal(t, []string{c.method + " " + c.uri}, requests, c.situation)
		}
	}
}

func TestThePathBeginsWithTheMajorVersion(t *testing.T) {
	for _, api := range []version.API{version.V1_6, version.V2_2, {Major: 1, Minor: 3}} {
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			assert.Equal(t, "/v"+api.String()[:1]+"/apps/", req.URL.Path)
			assert.Equal(t, []string{api.String()}, req.Header[http.CanonicalHeaderKey(version.Header)])
			return response(200, "{}", version.Header+": "+api.String()), nil
		}), func(c *rest.Config) { c.API = api })
		_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
		require.NoError(t, err)
	}
}

func TestAClientWithoutATokenSendsNone(t *testing.T) {
	transport := roundTrip(func(req *http.Request) (*http.Response, error) {
		assert.NotContains(t, req.Header, "Authorization")
		return response(200, "{}"), nil
	})
	_, err := rest.Get[thing](t.Context(), newClient(t, transport), rest.Path("apps"), rest.WithoutToken())
	require.NoError(t, err)
	for _, none := range []func(context.Context) (string, error){nil, func(context.Context) (string, error) { return "", nil }} {
		client := newClient(t, transport, func(c *rest.Config) { c.Token = none })
		_, err = rest.Get[thing](t.Context(), client, rest.Path("apps"))
		require.NoError(t, err)
	}
}

func TestHeadersOfACallReplaceTheClientsOwn(t *testing.T) {
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		assert.Equal(t, []string{"token another"}, req.Header["Authorization"])
		assert.Equal(t, []string{"b"}, req.Header["X-Request-Id"], "the last value wins")
		assert.Equal(t, []string{"tab\tand é"}, req.Header["X-Text"])
		assert.Equal(t, []string{"2.1"}, req.Header[http.CanonicalHeaderKey(version.Header)])
		assert.Equal(t, []string{"application/json"}, req.Header["Accept"])
		return response(200, "{}"), nil
	}))
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"), rest.WithoutToken(),
		rest.WithHeader("x-request-id", "a"), rest.WithHeader("X-Request-ID", "b"), rest.WithHeader("X-Text", "tab\tand é"),
		rest.WithHeader("Authorization", "token another"), rest.WithHeader(version.Header, "2.1"))
	require.NoError(t, err)
}

func TestAnInvalidOptionIsRefusedBeforeAnythingIsSent(t *testing.T) {
	for situation, opt := range map[string]rest.CallOption{
		"header without a name":       rest.WithHeader("", "x"),
		"header with a space":         rest.WithHeader("X Y", "x"),
		"header with a colon":         rest.WithHeader("X:", "x"),
		"header with parentheses":     rest.WithHeader("X(Y)", "x"),
		"header with another letter":  rest.WithHeader("Ä", "x"),
		"header name of two lines":    rest.WithHeader("X\r\nY", "x"),
		"header of two lines":         rest.WithHeader("X", "secretsecret\r\nX-Other: y"),
		"header with a newline":       rest.WithHeader("X", "secretsecret\n"),
		"header with a NUL":           rest.WithHeader("X", "secretsecret\x00"),
		"header with a control":       rest.WithHeader("X", "secretsecret\x01"),
		"header of the URL":           rest.WithHeader("host", "x"),
		"header of the body":          rest.WithHeader("content-length", "5"),
		"header of a retry":           rest.WithHeader("idempotency-key", "x"),
		"another header of a retry":   rest.WithHeader("x-idempotency-key", "x"),
		"header of an encoding":       rest.WithHeader("Transfer-Encoding", "chunked"),
		"header of a trailer":         rest.WithHeader("Trailer", "X"),
		"query that is not a struct":  rest.WithQuery("secretsecret"),
		"body that cannot be JSON":    rest.WithBody(func() {}),
		"no option":                   nil,
		"nowhere to put the response": rest.WithResponse(nil),
	} {
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			t.Errorf("%s: was sent", situation)
			return response(200, "{}"), nil
		}))
		_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"), opt)
		require.ErrorIs(t, err, rest.ErrInvalidArgument, situation)
		assert.Regexp(t, "^deis: invalid argument: (header .*|query|body|call option|response) (must |cannot |query: )", err.Error(), situation)
		assert.NotContains(t, err.Error(), "secretsecret", situation)
	}
}

func TestTextThatIsNotUTF8IsRefusedAndItsPlaceNamed(t *testing.T) {
	type inner struct{ Text string }
	type outer struct {
		Inner  inner
		Ref    *inner
		List   []inner
		Values map[string]any
		Data   []byte
		Number int
	}
	const bad = "caf\xe9"
	for _, c := range []struct {
		body any
		says string // "" if it is sent
	}{
		{outer{Inner: inner{"é"}, Ref: &inner{"b"}, List: []inner{{"c"}}, Values: map[string]any{"d": "e", "f": nil}, Data: []byte(bad), Number: 1}, ""},
		{[]byte(bad), ""},
		{[2]int{}, ""},
		{bad, "body"},
		{outer{Inner: inner{bad}}, "Inner.Text"},
		{&outer{Ref: &inner{bad}}, "Ref.Text"},
		{outer{List: []inner{{"c"}, {bad}}}, "List[1].Text"},
		{[1]string{bad}, "body[0]"},
		{outer{Values: map[string]any{"d": bad}}, `Values["d"]`},
		{outer{Values: map[string]any{"d": map[string]string{"e": bad}}}, `Values["d"]["e"]`},
		{map[string]int{bad: 1}, `body["caf\xe9"]`},
		{map[string]string{"d": bad}, `body["d"]`},
		{outer{Values: map[string]any{bad: 1}}, `Values["caf\xe9"]`},
	} {
		_, err := rest.Post[struct{}](t.Context(), newClient(t, always(200, "{}")), rest.Path("apps"), c.body)
		if c.says == "" {
			assert.NoError(t, err, "%v", c.body)
			continue
		}
		require.ErrorIs(t, err, rest.ErrInvalidArgument, c.says)
		assert.EqualError(t, err, "deis: invalid argument: "+c.says+" must be valid UTF-8")
	}
}

func TestABodyThatCannotBeEncodedIsRefused(t *testing.T) {
	_, err := rest.Post[thing](t.Context(), newClient(t, always(200, "{}")), rest.Path("apps"), map[string]any{"x": make(chan int)})
	require.ErrorIs(t, err, rest.ErrInvalidArgument)
	assert.Contains(t, err.Error(), "body cannot be written as JSON")
}

func TestABodyMayBeOfAnyType(t *testing.T) {
	for want, body := range map[string]any{
		`{"a":1}`: map[string]int{"a": 1}, // maps and slices cannot be compared with ==
		`[1,2]`:   []int{1, 2},
		`"x"`:     "x",
		`null`:    (*thing)(nil),
		`{"b":2}`: json.RawMessage(`{"b":2}`),
	} {
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(req.Body)
			require.NoError(t, err)
			assert.Equal(t, want, string(body))
			return response(201, "{}"), nil
		}))
		_, err := rest.Post[struct{}](t.Context(), client, rest.Path("apps"), body)
		require.NoError(t, err)
		_, err = rest.Get[struct{}](t.Context(), client, rest.Path("apps"), rest.WithBody(body))
		require.NoError(t, err)
	}
}

func TestWithResponseReportsEveryOutcome(t *testing.T) {
	for _, c := range []struct {
		situation string
		transport roundTrip
		want      rest.Response
		release   int
		fails     bool
	}{
		{"success", always(201, "{}", "X-Deis-Release: 7"), rest.Response{Status: 201, API: version.V2_2, Attempts: 1}, 7, false},
		{"an error", always(409, "{}", "X-Deis-Release: none"), rest.Response{Status: 409, API: version.V2_2, Attempts: 1}, 0, true},
		{"an unreadable response", always(200, "<h1>hi</h1>"), rest.Response{Status: 200, API: version.V2_2, Attempts: 1}, 0, true},
		{"no response", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
			rest.Response{API: version.V2_2, Attempts: 1}, 0, true},
	} {
		one, two := rest.Response{Status: 999, Header: http.Header{"Stale": {"x"}}}, rest.Response{}
		_, err := rest.Post[thing](t.Context(), newClient(t, c.transport), rest.Path("apps"), nil,
			rest.WithResponse(&one), rest.WithResponse(&two))
		assert.Equal(t, c.fails, err != nil, c.situation)
		assert.Equal(t, one, two, c.situation)
		assert.Equal(t, c.release, one.Release(), c.situation)
		if c.want.Status != 0 {
			assert.Equal(t, "2.2", one.Header.Get(version.Header), c.situation)
		}
		one.Header = nil
		assert.Equal(t, c.want, one, c.situation)
	}

	stale := rest.Response{Status: 200, Attempts: 3}
	_, err := rest.Get[thing](t.Context(), newClient(t, always(200, "{}")), rest.Path("apps", "Upper"), rest.WithResponse(&stale))
	require.Error(t, err)
	assert.Zero(t, stale, "a call that was not made keeps nothing of an earlier one")
}

func TestResultsAreReadByTheirType(t *testing.T) {
	client := newClient(t, always(200, ` {"id": "a", "unknown": [1, {}]} `))
	parsed, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
	require.NoError(t, err)
	assert.Equal(t, &thing{"a"}, parsed)
	raw, err := rest.Get[[]byte](t.Context(), client, rest.Path("apps"))
	require.NoError(t, err)
	assert.Equal(t, ` {"id": "a", "unknown": [1, {}]} `, string(*raw), "bytes are not changed")

	for _, body := range []string{`{"id": "a"}`, `[1, 2]`, `"text"`} { // it is a slice of bytes, but not a list
		value, err := rest.Get[json.RawMessage](t.Context(), newClient(t, always(200, body)), rest.Path("apps"))
		require.NoError(t, err, body)
		assert.JSONEq(t, body, string(*value))
	}

	for _, ignored := range []string{"", "null", `""`, `{"status":"password set"}`} {
		_, err := rest.Post[struct{}](t.Context(), newClient(t, always(200, ignored)), rest.Path("apps"), nil)
		assert.NoError(t, err, ignored)
		assert.NoError(t, rest.Delete(t.Context(), newClient(t, always(200, ignored)), rest.Path("apps", "a")), ignored)
	}
	for _, any := range []string{"", "null", "b'a\\n'", "<p>a log may begin like HTML"} {
		raw, err := rest.Get[[]byte](t.Context(), newClient(t, always(200, any)), rest.Path("apps"))
		require.NoError(t, err, any)
		assert.Equal(t, any, string(*raw))
	}
}

func TestAResponsePrintsWithoutItsHeader(t *testing.T) {
	var resp rest.Response
	client := newClient(t, always(200, `{}`, "Set-Cookie: session=secretsecret"))
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"), rest.WithResponse(&resp))
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, value := range []any{resp, &resp, struct{ Response rest.Response }{resp}} {
			text := fmt.Sprintf(verb, value)
			assert.NotContains(t, text, "secretsecret", verb)
			assert.Contains(t, text, "Status:200 API:2.2 Attempts:1", verb)
		}
	}
}

// A sign-in page or a proxy in front of a Controller can respond to any request with 200.
func TestAResponseThatIsNotJSONIsNoSuccess(t *testing.T) {
	for _, body := range []string{"x", "ok", `{"id":`, "<html>please sign in</html>"} {
		client := newClient(t, always(200, body))
		assert.ErrorContains(t, rest.Delete(t.Context(), client, rest.Path("apps", "a")), "200 OK: the response is ", body)
		_, err := rest.Post[struct{}](t.Context(), client, rest.Path("apps", "a", "scale"), map[string]int{"web": 1})
		assert.Error(t, err, body)
	}
	page := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		return response(200, "<html><title>Please sign in</title>", "Content-Type: text/html; charset=utf-8"), nil
	}))
	_, err := rest.Get[[]byte](t.Context(), page, rest.Path("apps", "a", "logs"))
	assert.ErrorContains(t, err, `the response is HTML: Please sign in`)
}

func TestAnUnknownSenderSucceedsOnlyWithResponsesThatRealControllersGive(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		says   string // "" for a success
	}{
		{200, ``, ""},
		{201, ``, ""},
		{204, ``, ""},
		{200, `{}`, "the response should be empty: found an object with no fields"},
		{200, `x`, "200 OK: not the Controller's response: it has no DEIS_API_VERSION header: the response should be empty: found neither a list nor an object in 1 bytes"},
		{200, `{"login":"https://sso.example.com"}`, `the response should be empty: found an object with login`},
		{202, ``, "202 Accepted: not the Controller's response: it has no DEIS_API_VERSION header"},
		{299, ``, "299: not the Controller's response: it has no DEIS_API_VERSION header"},
	} {
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) { return httpmock.NewStringResponse(c.status, c.body), nil }))
		err := rest.Delete(t.Context(), client, rest.Path("apps", "a"))
		if c.says == "" {
			assert.NoError(t, err, "%d %s", c.status, c.body)
			continue
		}
		require.ErrorIs(t, err, rest.ErrNotController, "%d %s", c.status, c.body)
		assert.ErrorContains(t, err, c.says)
		assert.ErrorContains(t, err, "it may have been carried out")
	}
}

func TestACallWhoseContextEndsWhileTheTokenIsFetchedSendsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		assert.Fail(t, "was sent")
		return response(204, ""), nil
	}), func(c *rest.Config) {
		c.Token = func(context.Context) (string, error) { cancel(); return token, nil }
	})
	assert.EqualError(t, rest.Delete(ctx, client, rest.Path("apps", "a")), "deis: DELETE /v2/apps/a/: context canceled")
}

func TestAnInvalidControllerURLIsRefused(t *testing.T) {
	client := newClient(t, always(200, "{}"), func(c *rest.Config) { c.BaseURL = &url.URL{Scheme: "https", Host: "deis\x7f.example.com"} })
	err := get(t.Context(), client)
	require.ErrorIs(t, err, rest.ErrInvalidArgument)
	assert.ErrorContains(t, err, "path /apps/ cannot be sent: ")
}

func TestAnEndpointNotMadeWithPathSendsNothing(t *testing.T) {
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		assert.Fail(t, "was sent")
		return response(204, ""), nil
	}))
	assert.EqualError(t, rest.Delete(t.Context(), client, rest.Endpoint{}), "deis: invalid argument: path must be made with rest.Path")
	assert.ErrorIs(t, rest.Delete(t.Context(), client, rest.Path("admin", "perms", "bob", "extra")), rest.ErrInvalidArgument)
}

func TestASuccessThatCannotBeReadIsAnError(t *testing.T) {
	for situation, c := range map[string]struct{ body, says string }{
		"HTML":             {"\n<!DOCTYPE html><title>Please log in</title>", `the response is HTML: Please log in`},
		"nothing":          {"", "the response is empty"},
		"spaces":           {" \n", "the response is empty"},
		"null":             {" null ", "the response is empty"},
		"half of JSON":     {`{"id": "a`, "the response cannot be read: unexpected end of JSON input"},
		"trailing garbage": {`{"id": "a"} x`, "the response cannot be read: invalid character 'x' after top-level value"},
		"two values":       {`{"id": "a"}{"id": "b"}`, "the response cannot be read: invalid character '{' after top-level value"},
		"another type":     {`[1]`, "the response cannot be read: json: cannot unmarshal array"},
		"another field":    {`{"id": 5}`, "the response cannot be read: json: cannot unmarshal number"},
		"text":             {"OK", "the response cannot be read: invalid character 'O'"},
	} {
		got, err := rest.Get[thing](t.Context(), newClient(t, always(200, c.body)), rest.Path("apps", "a"))
		assert.Nil(t, got, situation)
		var failed *rest.Error
		require.ErrorAs(t, err, &failed, situation)
		assert.Equal(t, 200, failed.StatusCode, situation)
		assert.Contains(t, err.Error(), "deis: GET /v2/apps/a/: 200 OK: "+c.says, situation)
	}
	assert.Error(t, rest.Delete(t.Context(), newClient(t, always(200, "<h1>Log in</h1>")), rest.Path("apps", "a")),
		"a login page does not show that anything was deleted")
}

func TestATextOfManyQuotesIsNotMistakenForManyValues(t *testing.T) {
	text := strings.Repeat(`"`, 2<<20)
	body, err := json.Marshal(thing{text})
	require.NoError(t, err)
	got, err := rest.Get[thing](t.Context(), newClient(t, always(200, string(body))), rest.Path("apps", "a"))
	require.NoError(t, err)
	assert.True(t, got.ID == text)

	_, err = rest.Get[thing](t.Context(), newClient(t, always(200, `{"values":[`+strings.Repeat(`"",`, 1<<20)+`""]}`)), rest.Path("apps", "a"))
	assert.ErrorContains(t, err, "the response has too many values")
}

func TestAResponseOfThirtyTwoMebibytesIsReadAndOneByteMoreIsNot(t *testing.T) {
	for size, fits := range map[int64]bool{32 << 20: true, 32<<20 + 1: false} {
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			resp := response(200, "")
			resp.Body = io.NopCloser(io.LimitReader(reader(func(p []byte) (int, error) { return len(p), nil }), size))
			resp.ContentLength = -1
			return resp, nil
		}))
		got, err := rest.Get[[]byte](t.Context(), client, rest.Path("apps", "a", "logs"))
		if fits {
			require.NoError(t, err)
			assert.EqualValues(t, size, len(*got))
		} else {
			assert.ErrorContains(t, err, "the response is larger than 32 MiB")
		}
	}
}

func TestAResponseThatIsCutOffIsAnError(t *testing.T) {
	t.Parallel()
	_, client := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, `{"id": "a"}`) // 89 bytes fewer than promised
	})
	for range 2 {
		_, err := rest.Get[thing](t.Context(), client, rest.Path("apps", "a"))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Contains(t, err.Error(), "200 OK: the response was cut off")
		_, err = rest.Get[[]byte](t.Context(), client, rest.Path("apps", "a"))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
}

func TestAResponseWithoutEndIsNotReadForLong(t *testing.T) {
	t.Parallel()
	read := 0
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		resp := response(200, "")
		resp.ContentLength = -1
		resp.Body = io.NopCloser(reader(func(p []byte) (int, error) {
			read += len(p)
			return len(p), nil
		}))
		return resp, nil
	}))
	_, err := rest.Get[[]byte](t.Context(), client, rest.Path("apps"))
	require.Error(t, err)
	assert.Contains(t, err.Error(), "the response is larger than 32 MiB")
	assert.Less(t, read, 65<<20)
}

type reader func([]byte) (int, error)

func (f reader) Read(p []byte) (int, error) { return f(p) }

func TestAThousandCallsReuseTheirConnection(t *testing.T) {
	t.Parallel()
	responses := []struct {
		status int
		body   string
	}{{200, `{"id": "a"}`}, {204, ""}, {404, `{"detail": "Not found."}`}, {500, "<h1>Server Error (500)</h1>"}, {201, `{"id":`}}
	var connections, calls atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r := responses[calls.Add(1)%int64(len(responses))]
		w.Header().Set(version.Header, "2.2")
		w.WriteHeader(r.status)
		io.WriteString(w, r.body)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	client := newClient(t, transport, func(c *rest.Config) {
		c.BaseURL = parseURL(t, server.URL)
		c.API = version.API{}
		c.Retry = rest.RetryPolicy{Max: 1, MinWait: 1, MaxWait: 1}
	})
	for calls.Load() < 1000 {
		rest.Get[thing](t.Context(), client, rest.Path("apps", "a"))
		rest.Post[thing](t.Context(), client, rest.Path("apps"), nil)
		rest.Post[struct{}](t.Context(), client, rest.Path("apps"), nil)
		rest.Delete(t.Context(), client, rest.Path("apps", "a"))
	}
	// On a busy machine net/http now and then drops a connection, if its writer does not run for 50 ms. If one of the
	// five responses always cost the connection, there would be two hundred.
	assert.LessOrEqual(t, connections.Load(), int64(50))
}

// Not parallel: it counts the goroutines of the whole process.
func TestNoCallLeavesAGoroutineBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case strings.HasSuffix(req.URL.Path, "/slow/"):
			select {
			case <-release:
			case <-req.Context().Done():
			}
		case strings.HasSuffix(req.URL.Path, "/broken/"):
			w.Header().Set("Content-Length", "100")
		case strings.HasSuffix(req.URL.Path, "/large/"):
			w.WriteHeader(400)
			w.Write(bytes.Repeat([]byte("x"), 1<<20)) // more than is read
		default:
			w.WriteHeader(503)
		}
	}))
	transport := new(http.Transport)
	client := newClient(t, transport, func(c *rest.Config) {
		c.BaseURL = parseURL(t, server.URL)
		c.Retry = rest.RetryPolicy{Max: 2, MinWait: 1, MaxWait: 1}
	})
	unpinned := newClient(t, transport, func(c *rest.Config) {
		c.BaseURL = parseURL(t, server.URL+"/slow")
		c.API = version.API{}
	})
	for range 10 {
		for _, app := range []string{"broken", "large", "unavailable"} {
			_, err := rest.Get[thing](t.Context(), client, rest.Path("apps", app))
			require.Error(t, err, app)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
		_, err := rest.Get[thing](ctx, client, rest.Path("apps", "slow"))
		require.Error(t, err)
		_, err = rest.Get[thing](ctx, unpinned, rest.Path("apps"))
		require.Error(t, err)
		cancel()
	}
	close(release)
	transport.CloseIdleConnections()
	server.Close()
	patience := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(patience) {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines before, %d after:\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
	}
}

func TestOneClientServesManyGoroutines(t *testing.T) {
	t.Parallel()
	_, client := newServer(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set(version.Header, "2.2")
		io.WriteString(w, `{"id": "`+req.URL.Path+`"}`)
	}, func(c *rest.Config) { c.API = version.API{} })
	results := make(chan error, 32)
	for i := range cap(results) {
		id := strings.Repeat("a", i+1)
		go func() {
			for range 5 {
				got, err := rest.Get[thing](t.Context(), client, rest.Path("keys", id))
				if err == nil && got.ID != "/v2/keys/"+id+"/" {
					err = errors.New("got the response for " + got.ID)
				}
				if err == nil {
					_, err = rest.Post[thing](t.Context(), client, rest.Path("apps", id), nil)
				}
				if err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
	}
	for range cap(results) {
		assert.NoError(t, <-results)
	}
}

func TestResultsOfDifferentCallsShareNoMemory(t *testing.T) {
	bodies := []string{"first, and longer", "second"}
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		body := bodies[0]
		bodies = bodies[1:]
		return response(200, body), nil
	}))
	first, err := rest.Get[[]byte](t.Context(), client, rest.Path("apps"))
	require.NoError(t, err)
	_, err = rest.Get[[]byte](t.Context(), client, rest.Path("apps"))
	require.NoError(t, err)
	assert.Equal(t, "first, and longer", string(*first))
}

func TestTheCallersHTTPClientStaysAsItIs(t *testing.T) {
	own := &http.Client{Transport: always(200, "{}")}
	client := newClient(t, nil, func(c *rest.Config) { c.HTTP = own })
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
	require.NoError(t, err)
	assert.Nil(t, own.CheckRedirect)
	assert.IsType(t, roundTrip(nil), own.Transport)
}

func TestTheEngineKnowsNoFieldOfAResource(t *testing.T) {
	for _, body := range []string{`{"structure": 5}`, `{"procfile": 5}`} {
		_, err := rest.Get[struct{ Structure, Procfile string }](t.Context(), newClient(t, always(200, body)), rest.Path("things"))
		assert.Error(t, err, body)
	}
}
