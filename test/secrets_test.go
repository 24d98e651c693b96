package test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/version"
)

// The secrets that no text may show. canaryKey is one line of a private key.
const (
	canaryToken    = "c0ffee0123456789c0ffee0123456789c0ffee01"
	canaryPassword = "canary-battery-staple"
	canaryKey      = "MIIEpAIBAAKCAQEAcanary0123456789"
)

const canaryPEM = "-----BEGIN RSA PRIVATE KEY-----\n" + canaryKey + "\n-----END RSA PRIVATE KEY-----\n"

// secretCalls send a password or a private key. All other calls send only the token.
var secretCalls = []documentedCall{
	{operation: "Login", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Auth.Login(ctx, "alice", canaryPassword)
	}},
	{operation: "Register", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Auth.Register(ctx, auth.RegisterParams{Username: "alice", Password: canaryPassword}, deis.WithHeader("Authorization", "token "+canaryToken))
	}},
	{operation: "ChangePassword", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return nil, c.Auth.ChangePassword(ctx, auth.PasswordParams{Password: canaryPassword, NewPassword: canaryPassword + "-2"})
	}},
	{operation: "Certs.Create", call: func(ctx context.Context, c *deis.Client) (any, error) {
		return c.Certs.Create(ctx, certs.CreateParams{Name: "a", Certificate: "public", Key: canaryPEM})
	}},
}

// An echo responds with the secrets that were sent.
type echo struct {
	situation string
	respond   func(sent string) (*http.Response, error)
}

var echoes = []echo{
	{"JSON", func(sent string) (*http.Response, error) {
		return jsonFromController(400, map[string]string{"detail": "not " + sent})
	}},
	{"a field's name", func(sent string) (*http.Response, error) {
		return jsonFromController(400, map[string][]string{sent: {"unknown"}})
	}},
	{"an error that is retried", func(sent string) (*http.Response, error) { return jsonFromController(429, []string{sent}) }},
	{"text", func(sent string) (*http.Response, error) { return fromController(403, "not "+sent) }},
	{"an error page", func(sent string) (*http.Response, error) {
		return fromController(500, "<h1>not "+html.EscapeString(sent)+"</h1>")
	}},
	{"a page instead of a success", func(sent string) (*http.Response, error) {
		return fromController(200, "<title>"+html.EscapeString(sent)+"</title>")
	}},
	{"a page that escapes nothing", func(sent string) (*http.Response, error) { return fromController(200, "<title>"+sent+"</title>") }},
	{"a success with an invalid time", func(sent string) (*http.Response, error) { return jsonFromController(200, wrongTypes(sent)) }},
	{"a success with a long invalid time", func(sent string) (*http.Response, error) {
		return jsonFromController(200, wrongTypes(strings.Repeat("x", 40)+sent))
	}},
	{"a success of another type", func(sent string) (*http.Response, error) { return jsonFromController(200, []any{sent, 1, sent}) }},
	{"a redirect to another host", func(sent string) (*http.Response, error) {
		resp, err := fromController(302, "")
		resp.Header.Set("Location", "https://evil.example.com/"+url.PathEscape(sent)+"?"+url.QueryEscape(sent))
		return resp, err
	}},
	{"a redirect to nowhere", func(sent string) (*http.Response, error) {
		resp, err := fromController(302, "")
		resp.Header.Set("Location", "https://evil.example.com:port/"+url.PathEscape(sent))
		return resp, err
	}},
	{"a response that is not HTTP", func(sent string) (*http.Response, error) {
		return nil, fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", fmt.Errorf("malformed HTTP response %q", sent))
	}},
}

// fromController makes a response of a 2.2 Controller.
func fromController(status int, body string) (*http.Response, error) {
	resp := httpmock.NewStringResponse(status, body)
	resp.Header.Set(version.Header, "2.2")
	return resp, nil
}

func jsonFromController(status int, value any) (*http.Response, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return fromController(status, string(body))
}

// wrongTypes returns an object, and a list of it, with fields of the wrong type, such as text instead of times.
func wrongTypes(text string) map[string]any {
	item := map[string]any{"created": text, "date_joined": text, "token": 1, "exit_code": text}
	list := map[string]any{"count": 1, "results": []any{item}, "users": text}
	for key, value := range item {
		list[key] = value
	}
	return list
}

func TestNoCallShowsASecretWhateverTheResponse(t *testing.T) {
	t.Parallel()
	calls := append(slices.Clone(documentedCalls), secretCalls...)
	for _, e := range echoes {
		t.Run(e.situation, func(t *testing.T) {
			failures := 0
			for _, call := range calls {
				var seen bytes.Buffer
				client := echoing(t, e, &seen)
				if _, err := call.call(t.Context(), client); err != nil {
					failures++
					printAll(&seen, err)
				}
				for _, secret := range []string{canaryToken, canaryToken[:20], canaryPassword, canaryKey} {
					assert.False(t, strings.Contains(seen.String(), secret), "%s: %s shows %s", e.situation, call.operation, secret)
				}
			}
			assert.Greater(t, failures, len(secretCalls), "calls that failed")
		})
	}
}

// echoing makes a client that logs everything and whose Controller echoes. A request to another host fails the test.
func echoing(t *testing.T, e echo, log io.Writer) *deis.Client {
	t.Helper()
	all := &slog.HandlerOptions{Level: slog.LevelDebug - 100}
	transport := httpmock.NewMockTransport()
	transport.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
		assert.Equal(t, "deis.example.com", req.URL.Host, "%s: a request to another host", e.situation)
		assert.NotContains(t, req.URL.String(), canaryToken)
		sent := strings.TrimPrefix(req.Header.Get("Authorization"), "token ")
		var body map[string]any
		if req.Body != nil && json.NewDecoder(req.Body).Decode(&body) == nil {
			for _, value := range body {
				if text, ok := value.(string); ok && strings.Contains(strings.ToLower(text), "canary") {
					sent = text + " " + sent
				}
			}
		}
		resp, err := e.respond(sent)
		if resp != nil {
			resp.Request = req
		}
		return resp, err
	})
	client, err := deis.New("https://deis.example.com", deis.WithToken(canaryToken), deis.WithAPIVersion(version.V2_2),
		deis.WithTransport(transport), deis.WithRetry(impatient),
		deis.WithLogger(slog.New(both{slog.NewTextHandler(log, all), slog.NewJSONHandler(log, all)})))
	require.NoError(t, err)
	return client
}

// both hands records to two handlers.
type both [2]slog.Handler

func (b both) Enabled(context.Context, slog.Level) bool { return true }
func (b both) WithAttrs([]slog.Attr) slog.Handler       { return b }
func (b both) WithGroup(string) slog.Handler            { return b }
func (b both) Handle(ctx context.Context, r slog.Record) error {
	return errors.Join(b[0].Handle(ctx, r), b[1].Handle(ctx, r))
}

// printAll prints an error, and every error that it wraps, in every form.
func printAll(w io.Writer, err error) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(w, verb+"\n", err)
	}
	written, _ := json.Marshal(err) // not every error can be marshaled
	fmt.Fprintf(w, "%s\n", written)
	slog.New(slog.NewJSONHandler(w, nil)).Error("failed", "err", err)
	var failed *deis.Error
	if errors.As(err, &failed) {
		fmt.Fprintf(w, "%s %v %+v\n", failed.Body, failed.Fields, *failed)
	}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		if below := err.Unwrap(); below != nil {
			printAll(w, below)
		}
	case interface{ Unwrap() []error }:
		for _, below := range err.Unwrap() {
			printAll(w, below)
		}
	}
}

func TestAnErrorIsShortHoweverMuchItQuotes(t *testing.T) {
	t.Parallel()
	client, err := deis.New("https://deis.example.com", deis.WithToken(canaryToken), deis.WithAPIVersion(version.V2_2),
		deis.WithTransport(exchange.RoundTrip(func(*http.Request) (*http.Response, error) {
			return fromController(200, "<title>"+strings.Repeat("x", 256<<10)+canaryToken+"</title>")
		})))
	require.NoError(t, err)
	_, err = client.Apps.Get(t.Context(), "a")
	var seen bytes.Buffer
	printAll(&seen, errors.Unwrap(err))
	assert.Less(t, seen.Len(), 10_000)
	assert.Contains(t, err.Error(), "200 OK: the response is HTML")
}

func TestNoListLeadsToAnotherHost(t *testing.T) {
	for _, l := range listings {
		hosts := make(map[string]int)
		item := map[string]any{"username": "a", "domain": "a", "name": "a", "type": "web", "version": 1, "uuid": "a"}
		if strings.HasPrefix(l.method, "Apps") || strings.HasPrefix(l.method, "Keys") { // the others have numbers
			item["id"] = "a"
		}
		client, err := deis.New("https://deis.example.com", deis.WithToken(canaryToken), deis.WithAPIVersion(version.V2_2),
			deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
				hosts[req.URL.Host]++
				next := "http://evil.example.com:8000/v2/apps/?offset=1"
				if req.URL.Query().Get("offset") != "" {
					next = ""
				}
				return jsonFromController(200, map[string]any{"count": 2, "next": next, "results": []any{item}})
			})))
		require.NoError(t, err)
		require.NoError(t, l.call(t.Context(), client, deis.ListOptions{}), l.method)
		assert.Len(t, hosts, 1, l.method)
		assert.Contains(t, hosts, "deis.example.com", l.method)
	}
}

func TestAPanicShowsNoSecretAndLeavesTheClientUsable(t *testing.T) {
	broken := true
	client, err := deis.New("https://deis.example.com", deis.WithToken(canaryToken), deis.WithAPIVersion(version.V2_2),
		deis.WithTransport(exchange.RoundTrip(func(*http.Request) (*http.Response, error) {
			if broken {
				panic("the transport is broken")
			}
			return fromController(200, `{"app":"a","uuid":"u"}`)
		})))
	require.NoError(t, err)
	for _, call := range secretCalls {
		var seen string
		func() {
			defer func() { seen = fmt.Sprintf("%v %#v\n%s", recover(), client, debug.Stack()) }()
			call.call(t.Context(), client)
		}()
		assert.Contains(t, seen, "the transport is broken", call.operation)
		for _, secret := range []string{canaryToken, canaryPassword, canaryKey} {
			assert.NotContains(t, seen, secret, call.operation)
		}
	}
	func() {
		defer func() { recover() }()
		client.Config.Unset(t.Context(), "a", []string{"A"})
	}()
	broken = false
	_, err = client.Config.Unset(t.Context(), "a", []string{"A"})
	assert.NoError(t, err, "a call that panics ends its turn")
}

// A type with a field for a secret must hide it from fmt and from JSON. deistest is for tests, and shows its secrets.
func TestEveryFieldForASecretIsHidden(t *testing.T) {
	secret := regexp.MustCompile(`^(Token|(New)?Password|(Private)?Key|Secret)$`)
	var hidden []string
	for _, dir := range append([]string{".", "rest", "version", "deploy"}, resourcePackages...) {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		require.NoError(t, err)
		methods, fields := make(map[string]bool), make(map[string][]*ast.Field)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, decl := range parsed.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv != nil {
					if receiver, ok := fn.Recv.List[0].Type.(*ast.Ident); ok {
						methods[receiver.Name+"."+fn.Name.Name] = true
					}
				}
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok || !spec.Name.IsExported() {
					return true
				}
				if structure, ok := spec.Type.(*ast.StructType); ok {
					fields[spec.Name.Name] = structure.Fields.List
				}
				return true
			})
		}
		for name, fields := range fields {
			for _, field := range fields {
				typ, isName := field.Type.(*ast.Ident)
				for _, ident := range field.Names {
					if !secret.MatchString(ident.Name) || !isName || typ.Name != "string" {
						continue
					}
					what := dir + "." + name + "." + ident.Name
					hidden = append(hidden, what)
					assert.True(t, field.Tag != nil && strings.Contains(field.Tag.Value, `json:"-"`), "%s is written as JSON", what)
					assert.True(t, methods[name+".String"] && methods[name+".GoString"], "%s is printed", what)
				}
			}
		}
	}
	assert.ElementsMatch(t, []string{
		"..Profile.Token", "auth.RegisterParams.Password", "auth.PasswordParams.Password", "auth.PasswordParams.NewPassword",
		"certs.CreateParams.Key",
	}, hidden, "tests print these fields, and must print any new one")
}
