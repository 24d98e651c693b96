package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

func TestTheStoryIsTheSameInBothVersions(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"1.6", "2.2"} {
		t.Run(api, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.NoError(t, run(t.Context(), &out, options{api: api, image: "deis/example-go:latest"}))
			for _, line := range []string{
				"• logged in as alice, speaking API " + api,
				"• set GREETING=hello\n",
				"• scaled to web=2 worker=1, all up:",
				"• added the domain quickstart-",
				"• added a certificate for quickstart-",
				"• deleted the certificate\n",
				"• added the key quickstart-",
				"• shared the app with bob\n",
				"alice deployed deis/example-go:latest",
				"• ran a one-off command, exit status 0: good morning",
				"• rolled back, which is release v5; GREETING=hello again",
				"alice rolled back to v3",
				"• deleted app quickstart-",
			} {
				assert.Contains(t, out.String(), line)
			}
		})
	}
}

func TestAGivenControllerIsUsedAndLeftClean(t *testing.T) {
	t.Parallel()
	server := deistest.NewServer(deistest.WithAPIVersion(version.V1_6))
	defer server.Close()
	var out bytes.Buffer
	o := options{controller: server.URL, username: server.Username, password: server.Password, image: "deis/example-go:latest"}
	require.NoError(t, run(t.Context(), &out, o))
	client, err := deis.New(server.URL, deis.WithToken(server.Token))
	require.NoError(t, err)
	apps, err := deis.Collect(client.Apps.All(t.Context(), deis.ListOptions{}))
	require.NoError(t, err)
	assert.Empty(t, apps)
	certs, err := deis.Collect(client.Certs.All(t.Context(), deis.ListOptions{}))
	require.NoError(t, err)
	assert.Empty(t, certs)
	keys, err := deis.Collect(client.Keys.All(t.Context(), deis.ListOptions{}))
	require.NoError(t, err)
	assert.Empty(t, keys)
}

func TestTheAppIsDeletedAfterAFailure(t *testing.T) {
	t.Parallel()
	server := deistest.NewServer()
	defer server.Close()
	var out bytes.Buffer
	o := options{controller: server.URL, username: server.Username, password: server.Password, image: "deis/nonexistent:1"}
	err := run(t.Context(), &out, o)
	assert.ErrorContains(t, err, "image deis/nonexistent:1 not found")
	assert.Contains(t, out.String(), "• deleted app quickstart-")
}

func TestMistakesGiveOneClearLine(t *testing.T) {
	t.Parallel()
	controller := deistest.NewServer()
	t.Cleanup(controller.Close)
	website := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html><head><title>My home page</title></head></html>"))
	}))
	t.Cleanup(website.Close)
	for name, test := range map[string]struct {
		o    options
		want string
	}{
		"wrong password":    {options{controller: controller.URL, username: controller.Username, password: "wrong"}, `wrong username or password for "admin"`},
		"no password":       {options{controller: controller.URL, username: controller.Username}, "password must not be empty"},
		"wrong URL":         {options{controller: "ftp://deis.example.com", username: "a", password: "b"}, "must begin with https:// or http://"},
		"unreachable host":  {options{controller: "http://127.0.0.1:1", username: "a", password: "b"}, "connection refused"},
		"not a Controller":  {options{controller: website.URL, username: "a", password: "b"}, "My home page"},
		"no such version":   {options{api: "two"}, `"two" is not an API version`},
		"version of others": {options{api: "3.0"}, "the Controller speaks API 3.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), &bytes.Buffer{}, test.o)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}
