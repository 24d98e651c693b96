package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

func TestALogHasOneLineForEachCallAndEachRetry(t *testing.T) {
	var log bytes.Buffer
	attempts := 0
	client := newClient(t, roundTrip(func(*http.Request) (*http.Response, error) {
		attempts++
		switch attempts {
		case 1:
			return response(503, "secretsecret", "X-Secret: secretsecret"), nil
		case 2:
			return nil, errors.New("connection lost")
		}
		return response(200, `{"id":"secretsecret"}`, "X-Secret: secretsecret"), nil
	}), func(c *rest.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Retry = rest.RetryPolicy{Max: 3, MinWait: 1, MaxWait: 1}
	})
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps", "a"), rest.WithHeader("X-Secret", "secretsecret"),
		rest.WithQuery(struct{ Secret string }{"secretsecret"}), rest.WithBody("secretsecret"))
	require.NoError(t, err)
	assert.NotContains(t, log.String(), "secretsecret")
	assert.NotContains(t, log.String(), token)

	var lines []string
	for line := range strings.Lines(log.String()) {
		var parts map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &parts))
		assert.Equal(t, "GET", parts["method"])
		assert.Equal(t, "/v2/apps/a/", parts["path"])
		assert.Equal(t, "GET /apps/{app}/", parts["operation"])
		duration, attempt := "took", "attempts"
		if parts["level"] == "WARN" {
			duration, attempt = "wait", "attempt"
		}
		assert.Contains(t, parts, duration)
		assert.EqualValues(t, min(len(lines)+1, 3), parts[attempt])
		lines = append(lines, fmt.Sprint(parts["level"], " ", parts["msg"], " ", parts["status"], " ", parts["error"]))
	}
	assert.Equal(t, []string{
		"WARN deis: retrying 503 <nil>",
		"WARN deis: retrying <nil> connection lost",
		"DEBUG deis: call 200 <nil>",
	}, lines)
}

func TestALogAboveLevelDebugHasNoLineForACall(t *testing.T) {
	var log bytes.Buffer
	client := newClient(t, always(500, ""), func(c *rest.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
	require.Error(t, err)
	assert.Empty(t, log.String())
}

func TestALoggerGetsTheContextOfTheCall(t *testing.T) {
	type key struct{}
	handler := &contextHandler{Handler: slog.DiscardHandler}
	client := newClient(t, always(503, ""), func(c *rest.Config) {
		c.Logger = slog.New(handler)
		c.Retry = rest.RetryPolicy{Max: 1, MinWait: 1, MaxWait: 1}
	})
	_, err := rest.Get[thing](context.WithValue(t.Context(), key{}, "request 7"), client, rest.Path("apps"))
	require.Error(t, err)
	require.Len(t, handler.seen, 2)
	for _, ctx := range handler.seen {
		assert.Equal(t, "request 7", ctx.Value(key{}))
	}
}

type contextHandler struct {
	slog.Handler
	seen []context.Context
}

func (h *contextHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *contextHandler) Handle(ctx context.Context, _ slog.Record) error {
	h.seen = append(h.seen, ctx)
	return nil
}

// go-retryablehttp makes a logger at its start that writes URLs to os.Stderr, so only another process can show it.
func TestNothingIsPrinted(t *testing.T) {
	if os.Getenv("DEIS_TEST_PRINTS_NOTHING") == "" {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingIsPrinted$")
		cmd.Env = append(os.Environ(), "DEIS_TEST_PRINTS_NOTHING=1")
		var printed bytes.Buffer
		cmd.Stderr = &printed
		out, err := cmd.Output()
		require.NoError(t, err, "%s", out)
		assert.Contains(t, string(out), "PASS")
		assert.NotContains(t, string(out), "deis.example.com")
		assert.Empty(t, printed.String())
		return
	}
	for _, transport := range []roundTrip{
		always(503, "x"), always(200, "{}"), always(500, "x"), always(301, "", "Location: https://other.example.com/"),
		func(*http.Request) (*http.Response, error) { return nil, errors.New("x") },
	} {
		client := newClient(t, transport, func(c *rest.Config) {
			c.Retry = rest.RetryPolicy{Max: 2, MinWait: 1, MaxWait: 1}
			c.API = version.API{}
		})
		rest.Get[thing](t.Context(), client, rest.Path("apps"))
		rest.Post[thing](t.Context(), client, rest.Path("apps"), nil)
	}
}

func TestPrintingAConfigOrClientShowsNoToken(t *testing.T) {
	const known = token
	config := rest.Config{BaseURL: parseURL(t, "https://deis.example.com"), Token: func(context.Context) (string, error) { return known, nil }, HTTP: new(http.Client)}
	client := rest.New(config)
	for _, value := range []any{config, &config, client, *client, struct{ C *rest.Client }{client}, []any{client, config}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			assert.NotContains(t, fmt.Sprintf(verb, value), known, "%s of %T", verb, value)
		}
	}
	// testify prints two values that differ with spew, which prints every unexported field.
	printed := new(printout)
	assert.Equal(printed, client, rest.New(rest.Config{BaseURL: config.BaseURL, HTTP: config.HTTP}))
	assert.Equal(printed, config, rest.Config{})
	assert.Contains(t, string(*printed), "deis.example.com")
	assert.NotContains(t, string(*printed), known)
}

// printout keeps what testify prints.
type printout []byte

func (p *printout) Errorf(format string, args ...any) { *p = fmt.Appendf(*p, format, args...) }

// Handlers of slog and transports get the call as their context, and can print it.
func TestTheContextOfACallPrintsAsItsOperation(t *testing.T) {
	var seen []string
	printContext := func(ctx context.Context) {
		type key struct{}
		derived, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
		defer cancel()
		for _, ctx := range []context.Context{ctx, derived} {
			seen = append(seen, fmt.Sprint(ctx), fmt.Sprintf("%+v", ctx), fmt.Sprintf("%#v", ctx), fmt.Sprintf("%s", ctx), fmt.Sprintf("%q", ctx))
		}
	}
	client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		printContext(req.Context())
		return response(200, "{}"), nil
	}), func(c *rest.Config) { c.Logger = slog.New(contextPrinter{printContext}) })
	_, err := rest.Post[struct{}](t.Context(), client, rest.Path("auth", "passwd"), thing{"secretsecret"}, rest.WithSecrets("secretsecret"))
	require.NoError(t, err)
	require.NotEmpty(t, seen)
	for _, text := range seen {
		assert.NotContains(t, text, "secretsecret")
		assert.NotContains(t, text, token)
	}
	assert.Contains(t, seen, "POST /auth/passwd/")
	assert.Contains(t, seen, `"POST /auth/passwd/"`)
}

// contextPrinter passes on the context of each record.
type contextPrinter struct{ handle func(context.Context) }

func (h contextPrinter) Enabled(ctx context.Context, _ slog.Level) bool {
	h.handle(ctx)
	return true
}

func (h contextPrinter) Handle(ctx context.Context, _ slog.Record) error {
	h.handle(ctx)
	return nil
}
func (h contextPrinter) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h contextPrinter) WithGroup(string) slog.Handler      { return h }
