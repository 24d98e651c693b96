package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/deistest"
)

// start runs a Controller until the test ends. It returns what the Controller printed, and a function that stops it and
// returns the rest of the output.
func start(t *testing.T, o options) (printed string, stop func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, writer, o)
		writer.Close()
		ended <- err
	}()
	buffer := make([]byte, 4096) // it prints all at once
	n, err := reader.Read(buffer)
	require.NoError(t, err)
	return string(buffer[:n]), func() string {
		cancel()
		rest, err := io.ReadAll(reader)
		require.NoError(t, err)
		require.NoError(t, <-ended)
		return string(rest)
	}
}

var credentials = regexp.MustCompile(`DEIS_CONTROLLER=(\S+) DEIS_TOKEN=(\S+)`)

func TestThePrintedCredentialsWork(t *testing.T) {
	for _, api := range []string{"1.6", "2.2", "2.3"} {
		t.Run(api, func(t *testing.T) {
			printed, stop := start(t, options{addr: "127.0.0.1:0", api: api, token: "c0ffee"})
			found := credentials.FindStringSubmatch(printed)
			require.NotNil(t, found, printed)
			assert.Equal(t, "c0ffee", found[2])
			assert.Contains(t, printed, "API "+api)
			client, err := deis.New(found[1], deis.WithToken(found[2]))
			require.NoError(t, err)
			app, err := client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
			require.NoError(t, err)
			assert.Equal(t, "admin", app.Owner)
			assert.Empty(t, stop())
		})
	}
}

func TestItServesHTTPSAndWritesItsCertificate(t *testing.T) {
	printed, stop := start(t, options{addr: "127.0.0.1:0", api: "2.2", tls: true})
	assert.Contains(t, printed, "DEIS_CONTROLLER=https://127.0.0.1:")
	found := regexp.MustCompile(`SSL_CERT_FILE=(\S+)`).FindStringSubmatch(printed)
	require.NotNil(t, found, printed)
	certificate, err := os.ReadFile(found[1])
	require.NoError(t, err)
	assert.Contains(t, string(certificate), "-----BEGIN CERTIFICATE-----")
	stop()
	assert.NoFileExists(t, found[1])
}

func TestTheFlagEarlyChoosesTheFirstServersOfAPI23(t *testing.T) {
	for early, want := range map[bool]string{true: `{"detail":"Not found."}`, false: `"No App matches the given query."`} {
		printed, stop := start(t, options{addr: "127.0.0.1:0", api: "2.3", early: early})
		found := credentials.FindStringSubmatch(printed)
		r, err := http.NewRequestWithContext(t.Context(), "GET", found[1]+"/v2/apps/nosuch/", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "token "+found[2])
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, want, string(body))
		stop()
	}
}

func TestFaultsThatMatchNoRequestAreListed(t *testing.T) {
	o := options{addr: "127.0.0.1:0", api: "2.2"}
	require.NoError(t, o.faults.Set("GET /apps/ 502 proxy times=1 body=<h1>Bad Gateway</h1>"))
	require.NoError(t, o.faults.Set("* /nosuch/... hang"))
	printed, stop := start(t, o)
	resp, err := http.Get(credentials.FindStringSubmatch(printed)[1] + "/v2/apps/")
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, http.StatusBadGateway, resp.StatusCode)
	assert.Equal(t, "No request matched the fault on * /nosuch/...\n", stop())
}

func TestTheFlagFaultIsParsed(t *testing.T) {
	for text, want := range map[string]deistest.Fault{
		"POST /apps/ 503 times=2":                {Method: "POST", Path: "/apps/", Status: 503, Times: 2},
		"* /apps/... drop after skip=1":          {Path: "/apps/...", Drop: true, After: true, Skip: 1},
		"GET /v2/ 504 proxy late=10s body=a b=c": {Method: "GET", Path: "/v2/", Status: 504, Proxy: true, Late: 10 * time.Second, Body: "a b=c"},
		"GET /apps/ delay=1m truncate":           {Method: "GET", Path: "/apps/", Delay: time.Minute, Truncate: true},
		"GET /apps/ hang":                        {Method: "GET", Path: "/apps/", Hang: true},
	} {
		got, err := parseFault(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "GET /apps/", "GET /apps/ nonsense", "GET /apps/ delay=soon", "GET apps/ 503", "GET /apps/ after", "GET /apps/ 99",
	} {
		_, err := parseFault(text)
		assert.Error(t, err, text)
	}
}

func TestAWrongAddressOrVersionIsAnError(t *testing.T) {
	assert.Error(t, run(t.Context(), io.Discard, options{addr: "no address", api: "2.2"}))
	assert.Error(t, run(t.Context(), io.Discard, options{addr: "127.0.0.1:0", api: "3.0"}))
	assert.Error(t, run(t.Context(), io.Discard, options{addr: "127.0.0.1:0", api: "x"}))
}
