package rest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// failedCall makes a call that gets the response, and returns its error.
func failedCall(t *testing.T, resp *http.Response, opts ...rest.CallOption) *rest.Error {
	t.Helper()
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) { return resp, nil }))
	_, err := rest.Post[thing](t.Context(), client, rest.Path("apps"), nil, opts...)
	var failed *rest.Error
	require.ErrorAs(t, err, &failed)
	return failed
}

func TestEveryFormOfAnErrorIsReadAsOneLine(t *testing.T) {
	for _, c := range []struct {
		situation string
		status    int
		body      string
		detail    string
		fields    map[string][]string
		message   string
	}{
		{"detail", 404, `{"detail":"Not found."}`, "Not found.", nil, "404 Not Found: Not found."},
		{"error", 405, `{"error": "Client and server versions do not match."}`, "Client and server versions do not match.", nil,
			"405 Method Not Allowed: Client and server versions do not match."},
		{"both", 400, `{"error": "b", "detail": "a"}`, "a b", nil, "400 Bad Request: a b"},
		{"a field", 400, `{"id":["Application with this id already exists."]}`, "",
			map[string][]string{"id": {"Application with this id already exists."}},
			"400 Bad Request: id: Application with this id already exists."},
		{"several fields", 400, `{"b":["2", "3"],"a":"1","detail":"d"}`, "d",
			map[string][]string{"a": {"1"}, "b": {"2", "3"}}, "400 Bad Request: d: a: 1: b: 2 3"},
		{"a field of something else", 400, `{"a":{"b":[1]},"c":5,"d":null,"e":[["x"],true]}`, "",
			map[string][]string{"a": {`{"b":[1]}`}, "c": {"5"}, "d": nil, "e": {"x", "true"}},
			`400 Bad Request: a: {"b":[1]}: c: 5: e: x true`},
		{"a list", 400, `["This field may not be null.", "And more."]`, "This field may not be null. And more.", nil,
			"400 Bad Request: This field may not be null. And more."},
		{"a JSON text", 503, `"deploy\n failed"`, "deploy failed", nil, "503 Service Unavailable: deploy failed"},
		{"detail of several lines", 400, `{"detail":"a\n\n\tb\r\nc\u0000\u001b[31m\u202e\u2028d"}`, "a b c [31m d", nil, "400 Bad Request: a b c [31m d"},
		{"text", 500, "Error accessing logs\nfor a", "Error accessing logs for a", nil, "500 Internal Server Error: Error accessing logs for a"},
		{"a detail of several texts", 400, `{"detail":["a", "b"]}`, "a b", nil, "400 Bad Request: a b"},
		{"text that is not UTF-8", 500, "caf\xe9", "caf\uFFFD", nil, "500 Internal Server Error: caf\uFFFD"},
		{"JSON that is cut off", 500, `{"detail":"Not`, `{"detail":"Not`, nil, `500 Internal Server Error: {"detail":"Not`},
		{"an HTML heading", 500, "<h1>Server Error (500)</h1>", "Server Error (500)", nil, "500 Internal Server Error: Server Error (500)"},
		{"an HTML title", 502, "<html>\r\n<head><title>502 Bad\nGateway</title></head>\r\n<body><h1>other</h1>", "502 Bad Gateway", nil,
			"502 Bad Gateway"},
		{"HTML with an attribute", 404, `<!doctype html><h1 class="x">Not Found</h1>`, "Not Found", nil, "404 Not Found"},
		{"HTML without a title or heading", 404, "<p>hello", "an HTML page", nil, "404 Not Found: an HTML page"},
		{"HTML that is cut off", 404, "<title", "an HTML page", nil, "404 Not Found: an HTML page"},
		{"HTML that is cut off in its heading", 404, `<h1 class="big"`, "an HTML page", nil, "404 Not Found: an HTML page"},
		{"HTML with an empty title", 404, `<title> </title><h1>Gone</h1>`, "Gone", nil, "404 Not Found: Gone"},
		{"nothing", 403, "", "", nil, "403 Forbidden"},
		{"spaces", 403, " \n", "", nil, "403 Forbidden"},
		{"null", 400, "null", "", nil, "400 Bad Request"},
		{"an empty object", 400, "{}", "", nil, "400 Bad Request"},
		{"an empty list", 400, "[]", "", nil, "400 Bad Request"},
		{"Django's key for the whole request", 400, `{"non_field_errors":["Unable to log in."]}`, "",
			map[string][]string{"non_field_errors": {"Unable to log in."}}, "400 Bad Request: Unable to log in."},
		{"a number", 400, "5", "5", nil, "400 Bad Request: 5"},
		{"a status without a name", 599, "", "", nil, "599"},
	} {
		err := failedCall(t, response(c.status, c.body))
		assert.Equal(t, c.status, err.StatusCode, c.situation)
		assert.Equal(t, c.detail, err.Detail, c.situation)
		assert.Equal(t, c.fields, err.Fields, c.situation)
		said := "deis: POST /v2/apps/: " + c.message
		if c.status >= 500 {
			said += ": it may have been carried out"
		}
		assert.Equal(t, said, err.Error(), c.situation)
		assert.Equal(t, c.body, string(err.Body), c.situation)
		assert.Equal(t, version.V2_2, err.API, c.situation)
		assert.Equal(t, 1, err.Attempts, c.situation)
		assert.NoError(t, err.Unwrap(), c.situation)
	}
}

func TestTheMessageIsTheSameEachTime(t *testing.T) {
	for range 100 { // the order of a map is random
		err := failedCall(t, response(400, `{"error":"2","detail":"1","b":["4"],"a":["3"],"c":["5"]}`))
		require.Equal(t, "deis: POST /v2/apps/: 400 Bad Request: 1 2: a: 3: b: 4: c: 5", err.Error())
	}
}

func TestSentinelsFollowTheStatus(t *testing.T) {
	all := []error{
		rest.ErrBadRequest, rest.ErrUnauthorized, rest.ErrForbidden, rest.ErrNotFound, rest.ErrMethodNotAllowed, rest.ErrConflict,
		rest.ErrUnprocessable, rest.ErrRateLimited, rest.ErrServer, rest.ErrUnavailable, rest.ErrInvalidArgument, rest.ErrNotController,
		rest.ErrUpgraded,
	}
	for status, want := range map[int][]error{
		0:   nil,
		301: nil,
		400: {rest.ErrBadRequest},
		401: {rest.ErrUnauthorized},
		402: nil,
		403: {rest.ErrForbidden},
		404: {rest.ErrNotFound},
		405: {rest.ErrMethodNotAllowed},
		409: {rest.ErrConflict},
		413: nil,
		422: {rest.ErrUnprocessable},
		429: {rest.ErrRateLimited},
		500: {rest.ErrServer},
		501: {rest.ErrServer},
		502: {rest.ErrServer, rest.ErrUnavailable},
		503: {rest.ErrServer, rest.ErrUnavailable},
		504: {rest.ErrServer, rest.ErrUnavailable},
		505: {rest.ErrServer},
		519: {rest.ErrServer},
		520: {rest.ErrServer, rest.ErrUnavailable},
		521: {rest.ErrServer, rest.ErrUnavailable},
		522: {rest.ErrServer, rest.ErrUnavailable},
		523: {rest.ErrServer, rest.ErrUnavailable},
		524: {rest.ErrServer, rest.ErrUnavailable},
		525: {rest.ErrServer},
		599: {rest.ErrServer},
	} {
		var matched []error
		for _, sentinel := range all {
			if errors.Is(fmt.Errorf("deploy: %w", &rest.Error{StatusCode: status}), sentinel) {
				matched = append(matched, sentinel)
			}
		}
		assert.Equal(t, want, matched, status)
	}
}

func TestAReasonMatchesByStatusFieldAndText(t *testing.T) {
	var taken error = &rest.Reason{Message: "is taken", Status: 400, Wordings: []rest.Wording{
		{Field: "id", Text: "must be unique"},
		{Text: "already exists"},
	}}
	var other error = &rest.Reason{Message: "is other", Status: 400, Wordings: []rest.Wording{{Text: "other"}}}
	assert.EqualError(t, taken, "deis: is taken")
	for body, matches := range map[string]bool{
		`{"id":["This field must be unique."]}`:      true,
		`{"id":["x","This field must be unique."]}`:  true,
		`{"detail":"It already exists."}`:            true,
		`"It already exists."`:                       true,
		`{"id":["It already exists."]}`:              false,
		`{"name":["This field must be unique."]}`:    false,
		`{"detail":"This field must be unique."}`:    false,
		`{"id":{"deep":["This is not one of it."]}}`: false,
		``: false,
	} {
		err := failedCall(t, response(400, body))
		assert.Equal(t, matches, errors.Is(err, taken), body)
		assert.NotErrorIs(t, err, other, body)
		assert.ErrorIs(t, err, rest.ErrBadRequest, body)
		assert.NotErrorIs(t, failedCall(t, response(409, body)), taken, body)
	}
	// The tests of a program can return the reason itself, from a fake.
	assert.ErrorIs(t, taken, taken)
	assert.ErrorIs(t, fmt.Errorf("deploy: %w", taken), taken)
	assert.NotErrorIs(t, taken, other)
}

func TestAReasonMatchesWhateverThePasswordIs(t *testing.T) {
	var wrong error = &rest.Reason{Message: "wrong", Status: 400, Wordings: []rest.Wording{{Field: "non_field_errors", Text: "Unable to log in with"}}}
	for _, password := range []string{"with", "Unable", "non_field_errors", "log in"} {
		client := newClient(t, always(400, `{"non_field_errors":["Unable to log in with provided credentials."]}`))
		_, err := rest.Post[thing](t.Context(), client, rest.Path("auth", "login"), nil, rest.WithSecrets(password))
		assert.ErrorIs(t, err, wrong, password)
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), password)
	}
}

func TestTheCauseMatchesAndTheURLIsNotRepeated(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		cause, want error
		says        string
	}{
		{refused, syscall.ECONNREFUSED, "dial tcp: connection refused"},
		{context.DeadlineExceeded, context.DeadlineExceeded, "context deadline exceeded"},
		{io.ErrUnexpectedEOF, io.ErrUnexpectedEOF, "unexpected EOF"},
		{io.EOF, io.EOF, "the connection was closed without a response"},
		{errors.New("two\nlines"), nil, "two lines"},
	} {
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) { return nil, c.cause }))
		_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"), rest.WithQuery(struct{ Secret string }{"secretsecret"}))
		require.EqualError(t, err, "deis: GET /v2/apps/: "+c.says)
		if c.want != nil {
			assert.ErrorIs(t, err, c.want)
		}
		var failed *rest.Error
		require.ErrorAs(t, err, &failed)
		assert.Zero(t, failed.StatusCode)
		var wrapped *url.Error
		assert.False(t, errors.As(err, &wrapped), "a url.Error shows the query")
	}
}

func TestRealConnectionErrorsMatch(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	at := parseURL(t, "http://"+listener.Addr().String())
	client := newClient(t, new(http.Transport), func(c *rest.Config) { c.BaseURL = at })

	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		conn.Read(make([]byte, 1))
		conn.(*net.TCPConn).SetLinger(0) // closes with a reset
		conn.Close()
	}()
	_, err = rest.Get[thing](t.Context(), client, rest.Path("apps"))
	assert.ErrorIs(t, err, exchange.ConnReset)

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond) // no connection is accepted
	defer cancel()
	_, err = rest.Get[thing](ctx, client, rest.Path("apps"))
	assert.ErrorIs(t, err, context.DeadlineExceeded)

	require.NoError(t, listener.Close())
	_, err = rest.Get[thing](t.Context(), client, rest.Path("apps"))
	assert.ErrorIs(t, err, exchange.ConnRefused)
}

func TestTheBodyOfAnErrorIsBounded(t *testing.T) {
	const bound = 64 << 10
	err := failedCall(t, response(400, strings.Repeat("é", bound)))
	assert.Len(t, err.Body, bound)
	assert.Less(t, len(err.Error()), 2000)
	assert.Contains(t, err.Error(), "…")

	resp := response(400, "")
	resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("the beginning"), reader(func([]byte) (int, error) {
		return 0, io.ErrUnexpectedEOF
	})))
	err = failedCall(t, resp)
	assert.Equal(t, "the beginning", err.Detail, "the beginning of a response that is cut off is worth reading")

	err = failedCall(t, response(400, strings.Repeat("[", bound)))
	assert.NotEmpty(t, err.Error(), "deep nesting causes no panic")
}

func TestAMessageStaysReadableHoweverManyFieldsThereAre(t *testing.T) {
	fields := make(map[string][]string)
	for i := range 5000 {
		fields[fmt.Sprint("field", i)] = []string{"wrong"}
	}
	body, err := json.Marshal(fields)
	require.NoError(t, err)
	failed := failedCall(t, response(400, string(body[:60<<10])+`":[]}`))
	assert.NotEmpty(t, failed.Fields)
	assert.Less(t, len(failed.Error()), 2000)
}

func TestTheTextsOfSentinels(t *testing.T) {
	for says, sentinel := range map[string]error{
		"bad request": rest.ErrBadRequest, "unauthorized": rest.ErrUnauthorized, "forbidden": rest.ErrForbidden, "not found": rest.ErrNotFound,
		"method not allowed": rest.ErrMethodNotAllowed, "conflict": rest.ErrConflict, "unprocessable": rest.ErrUnprocessable,
		"rate limited": rest.ErrRateLimited, "server error": rest.ErrServer, "temporarily unavailable": rest.ErrUnavailable,
		"invalid argument": rest.ErrInvalidArgument, "not the Controller": rest.ErrNotController, "another major version": rest.ErrUpgraded,
	} {
		assert.EqualError(t, sentinel, "deis: "+says)
	}
}

func TestAnErrorIsTemporaryIfItSaysNothingAboutTheRequest(t *testing.T) {
	for status, temporary := range map[int]bool{
		0: true, 400: false, 401: false, 404: false, 407: false, 408: true, 409: false, 428: false, 429: true, 430: false, 499: false, 500: true, 503: true, 599: true,
	} {
		err := &rest.Error{StatusCode: status}
		assert.Equal(t, temporary, err.Temporary(), status)
		assert.Equal(t, status != 0, err.FromController(), status)
	}
}

func TestTheHeaderOfAnErrorIsRedactedAndThatOfAResponseIsNot(t *testing.T) {
	var resp rest.Response
	err := failedCall(t, response(400, "", "X-Echo: "+token, "Set-Cookie: session=secretsecret"), rest.WithResponse(&resp))
	assert.Equal(t, "[redacted]", err.Header.Get("X-Echo"))
	assert.NotContains(t, err.Header, "Set-Cookie")
	assert.Equal(t, token, resp.Header.Get("X-Echo"))
	assert.Equal(t, "session=secretsecret", resp.Header.Get("Set-Cookie"))
}

func TestAnErrorShowsNothingOfASecretResponse(t *testing.T) {
	_, err := rest.Post[thing](t.Context(), newClient(t, always(201, `{"id":5,"token":"secretsecret"}`)), rest.Path("auth", "tokens"), nil, rest.WithSecretResponse())
	require.ErrorContains(t, err, "the response cannot be read: ")
	assert.ErrorContains(t, err, ": found an object with id, token")
	assert.NotContains(t, err.Error(), "secretsecret")
}

func TestTheCauseOfACanceledContextIsInTheText(t *testing.T) {
	for _, c := range []struct {
		cause error
		says  string
	}{
		{nil, "deis: GET /v2/apps/: context canceled"},
		{errors.New("another\ntask failed"), "deis: GET /v2/apps/: another task failed: context canceled"},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			cancel(c.cause)
			return nil, req.Context().Err()
		}))
		assert.EqualError(t, get(ctx, client), c.says)
	}
}

func TestOfForeignResponsesOnlyA429SaysThatNothingWasDone(t *testing.T) {
	for status, acted := range map[int]bool{429: false, 400: true, 404: true, 503: true} {
		foreign := false
		client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
			resp := response(status, "")
			if foreign {
				resp.Header.Del(version.Header)
			}
			return resp, nil
		}))
		require.Error(t, get(t.Context(), client)) // now the client has seen the Controller's version
		foreign = true
		var failed *rest.Error
		require.ErrorAs(t, rest.Delete(t.Context(), client, rest.Path("apps", "a")), &failed)
		require.ErrorIs(t, failed, rest.ErrNotController)
		assert.Equal(t, acted, failed.MayHaveActed(), status)
		require.ErrorAs(t, get(t.Context(), client), &failed)
		assert.False(t, failed.MayHaveActed(), "%d of a GET", status)
	}
}

func TestAPartOfAMessageIsShortenedToFiveHundredCharacters(t *testing.T) {
	err := failedCall(t, response(400, strings.Repeat("é", 500)))
	assert.Equal(t, "deis: POST /v2/apps/: 400 Bad Request: "+strings.Repeat("é", 500), err.Error())
	err = failedCall(t, response(400, strings.Repeat("é", 501)))
	assert.Equal(t, "deis: POST /v2/apps/: 400 Bad Request: "+strings.Repeat("é", 500)+"…", err.Error())
}

func TestAnInvalidVersionHeaderIsQuotedInOneShortLine(t *testing.T) {
	err := failedCall(t, response(200, "{}", version.Header+": 2.2\x1b[31m"+strings.Repeat("x", 1000), "Content-Type: application/json"))
	assert.ErrorIs(t, err, rest.ErrNotController)
	assert.Equal(t, `deis: POST /v2/apps/: 200 OK: not the Controller's response: it has the DEIS_API_VERSION "2.2\x1b[31m`+strings.Repeat("x", 42)+
		`", its Content-Type is application/json: it may have been carried out`, err.Error())
}

func TestLogValueHasThePartsButNotTheBody(t *testing.T) {
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "err", failedCall(t, response(409, `{"detail":"d","more":"`+strings.Repeat("x", 1000)+`"}`)))
	var line struct {
		Err map[string]any `json:"err"`
	}
	require.NoError(t, json.Unmarshal(log.Bytes(), &line), log.String())
	assert.Equal(t, "POST", line.Err["method"])
	assert.Equal(t, "/v2/apps/", line.Err["path"])
	assert.EqualValues(t, 409, line.Err["status"])
	assert.EqualValues(t, 1, line.Err["attempts"])
	assert.Contains(t, line.Err["error"], "deis: POST /v2/apps/: 409 Conflict: d")
	assert.Less(t, log.Len(), 1000)
}

// escapeAll escapes every UTF-16 unit of a text.
func escapeAll(text, format string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&b, format, unit)
	}
	return b.String()
}

// An honest server can echo what it was sent, in text, JSON, HTML and URLs.
func TestNoErrorShowsASecret(t *testing.T) {
	secrets := map[string]string{
		"password":     `hun+ter2"'<&>/\ %2F päß😀`,
		"new_password": "correct horse\tbattery",
		"key":          "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n",
		"token":        token,
		"header":       "fedcba9876543210",
	}
	python := func(s string) string { // as json.dumps writes it, in ASCII only
		pairs := strings.NewReplacer(`\U0001f600`, `\ud83d\ude00`)
		return pairs.Replace(strings.Trim(strconv.QuoteToASCII(s), `"`))
	}
	for name, secret := range secrets {
		for echo, body := range map[string]string{
			"text":                "cannot work with " + secret + " today",
			"JSON":                `{"detail":` + marshal(t, "cannot work with "+secret, false) + `}`,
			"JSON for HTML":       `{"detail":` + marshal(t, "cannot work with "+secret, true) + `}`,
			"JSON of Python":      `{"detail":"cannot work with ` + python(secret) + `"}`,
			"a field's name":      `{` + marshal(t, secret, false) + `:["unknown"]}`,
			"a field":             `{"field":[` + marshal(t, secret, false) + `]}`,
			"something deep":      `{"field":{"a":[` + marshal(t, secret, false) + `]}}`,
			"a list":              `[` + marshal(t, secret, false) + `]`,
			"HTML":                "<title>cannot work with " + html.EscapeString(secret) + "</title>",
			"a URL":               `{"detail":"no such page: /login?next=` + url.QueryEscape(secret) + `"}`,
			"a path":              `{"detail":"no such page: /` + url.PathEscape(secret) + `"}`,
			"JSON of escapes":     `{"detail":"cannot work with ` + escapeAll(secret, `\u%04X`) + `","field":["` + escapeAll(secret, `\u%04x`) + `"]}`,
			"escaped twice":       `{"detail":` + marshal(t, html.EscapeString(secret), true) + `}`,
			"HTML of Django":      "<title>cannot work with " + strings.NewReplacer("&#34;", "&quot;").Replace(html.EscapeString(secret)) + "</title>",
			"HTML of numbers":     "<title>cannot work with " + regexp.MustCompile("(?s).").ReplaceAllStringFunc(secret, func(char string) string { return fmt.Sprintf("&#%d;", []rune(char)[0]) }) + "</title>",
			"a URL of Python":     `{"detail":"no such page: /` + strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(secret)) + `"}`,
			"a URL in lower case": `{"detail":"no such page: /` + regexp.MustCompile("%..").ReplaceAllStringFunc(url.QueryEscape(secret), strings.ToLower) + `"}`,
			"far from the start":  strings.Repeat("x", 32<<10) + secret,
			"many times":          strings.Repeat(secret+" ", 100),
		} {
			header := rest.WithHeader("X-Other", "x")
			if name == "header" {
				header = rest.WithHeader("Authorization", "token "+secret)
			}
			var log bytes.Buffer
			level := &slog.HandlerOptions{Level: slog.LevelDebug}
			client := newClient(t, always(429, body), func(c *rest.Config) {
				c.Logger = slog.New(slog.NewJSONHandler(&log, level))
				c.Retry = rest.RetryPolicy{Max: 1, MinWait: 1, MaxWait: 1}
			})
			_, err := rest.Post[thing](t.Context(), client, rest.Path("auth", "login"), map[string]string{"username": "alice"},
				header, rest.WithSecrets(secrets["password"], secrets["new_password"]), rest.WithSecrets(secrets["key"]))
			var failed *rest.Error
			require.ErrorAs(t, err, &failed)
			slog.New(slog.NewTextHandler(&log, level)).Error("failed", "err", err, "again", failed)
			slog.New(slog.NewJSONHandler(&log, level)).Error("failed", "err", err, "body", string(failed.Body))
			seen := strings.Join([]string{
				err.Error(), fmt.Sprintf("%v\n%+v\n%s\n%q\n%#v", err, err, err, err, err), fmt.Sprintf("%+v %#v", *failed, *failed),
				string(failed.Body), failed.Detail, fmt.Sprint(failed.Fields), failed.LogValue().String(), log.String(),
			}, "\n")
			situation := fmt.Sprintf("%s as %s: %.300s", name, echo, err)
			for _, form := range []string{secret, marshal(t, secret, false), python(secret), strings.Join(strings.Fields(secret), " "), url.QueryEscape(secret), html.EscapeString(secret)} {
				assert.False(t, strings.Contains(seen, strings.Trim(form, `"`)), situation)
			}
			read := html.UnescapeString(html.UnescapeString(regexp.MustCompile("%[0-9a-fA-F]{2}").ReplaceAllStringFunc(seen, func(escaped string) string {
				return unescape(t, escaped)
			})))
			assert.False(t, strings.Contains(read, secret) || strings.Contains(read, strings.Join(strings.Fields(secret), " ")), situation)
			assert.True(t, strings.Contains(seen, "[redacted]"), situation)
			assert.LessOrEqual(t, len(failed.Body), 64<<10, situation)
			var decoded any
			if json.Unmarshal(failed.Body, &decoded) == nil {
				assert.False(t, strings.Contains(fmt.Sprint(decoded), secret), situation)
			}
		}
	}
}

func TestAnAuthorizationOfAnySchemeIsASecret(t *testing.T) {
	for _, header := range []string{"token fedcba9876543210", "fedcba9876543210", "Basic " + base64.StdEncoding.EncodeToString([]byte("alice:fedcba98"))} {
		secret := header[strings.LastIndex(header, " ")+1:]
		err := failedCall(t, response(401, `{"detail":"no such token: `+secret+`"}`), rest.WithHeader("authorization", header))
		assert.NotContains(t, err.Error()+string(err.Body), secret)
		assert.Equal(t, "no such token: [redacted]", err.Detail)
	}
}

func TestASecretInsideAnotherSecretIsRedactedToo(t *testing.T) {
	client := newClient(t, always(400, `{"detail":"not abc`+token+`xyz, not `+token+`"}`))
	_, err := rest.Post[thing](t.Context(), client, rest.Path("auth", "login"), nil, rest.WithSecrets("abc"+token+"xyz"))
	assert.EqualError(t, err, "deis: POST /v2/auth/login/: 400 Bad Request: not [redacted], not [redacted]")
}

func TestAPasswordOfSpacesDoesNotHideTheMessage(t *testing.T) {
	_, err := rest.Post[thing](t.Context(), newClient(t, always(400, `{"detail":"wrong"}`)), rest.Path("auth", "login"), nil, rest.WithSecrets("     "))
	assert.ErrorContains(t, err, "wrong")
}

func TestASecretIsRedactedAsPythonWritesIt(t *testing.T) {
	client := newClient(t, always(400, `{"detail":"not p\u00e4\u00df\ud83d\ude00, try another"}`))
	_, err := rest.Post[thing](t.Context(), client, rest.Path("auth", "login"), nil, rest.WithSecrets("päß😀"))
	assert.EqualError(t, err, "deis: POST /v2/auth/login/: 400 Bad Request: not [redacted], try another")
}

func TestAShortPasswordIsNotRedacted(t *testing.T) {
	client := newClient(t, always(400, `{"detail":"a bad apple"}`), func(c *rest.Config) { c.Token = func(context.Context) (string, error) { return "", nil } })
	_, err := rest.Post[thing](t.Context(), client, rest.Path("auth", "login"), nil, rest.WithSecrets("a", "bad"))
	assert.ErrorContains(t, err, "a bad apple", "a password of a few letters is not redacted")
}

// marshal writes a text as JSON, with <, > and & escaped or not.
func marshal(t *testing.T, text string, forHTML bool) string {
	t.Helper()
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(forHTML)
	require.NoError(t, encoder.Encode(text))
	return strings.TrimSpace(b.String())
}

func TestAnErrorOfTheTransportThatQuotesTheTokenIsRedacted(t *testing.T) {
	const token = "0123456789abcdef0123456789abcdef"
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("malformed HTTP response \"" + token + "\"")
	}), func(c *rest.Config) { c.Token = func(context.Context) (string, error) { return token, nil } })
	err := get(t.Context(), client)
	require.ErrorContains(t, err, "malformed HTTP response")
	assert.NotContains(t, err.Error(), token)
}
