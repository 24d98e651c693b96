package rest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
)

// writes keeps the text of each Write.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

// newDumpingClient makes a client, and returns the dump of its exchanges.
func newDumpingClient(t *testing.T, transport roundTrip) (*rest.Client, *writes) {
	dump := new(writes)
	return newClient(t, transport, func(c *rest.Config) { c.Dump = dump }), dump
}

func TestADumpIsOneWriteForEachExchange(t *testing.T) {
	client, dump := newDumpingClient(t, always(200, "{\"id\":\n\"a\"}\n", "X-Text: a\tb"))
	for range 2 {
		_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"))
		require.NoError(t, err)
	}
	exchange := `> GET https://deis.example.com/v2/apps/
> Accept: application/json
> Authorization: [redacted]
> Deis_api_version: 2.2
> User-Agent: rest-test
< 200 OK
< Deis_api_version: 2.2
< X-Text: a b
<
< {"id":
< "a"}

`
	assert.Equal(t, writes{exchange, exchange}, *dump)
}

func TestADumpShowsAnExchangeWithoutAResponse(t *testing.T) {
	client, dump := newDumpingClient(t, func(*http.Request) (*http.Response, error) { return nil, reset })
	require.Error(t, rest.Delete(t.Context(), client, rest.Path("apps", "a")))
	require.Len(t, *dump, 1)
	assert.True(t, strings.HasPrefix((*dump)[0], "> DELETE https://deis.example.com/v2/apps/a/\n"))
	assert.True(t, strings.HasSuffix((*dump)[0], "\n< no response: read tcp: connection reset by peer\n\n"), (*dump)[0])
}

func TestARefusedRedirectIsDumpedOnce(t *testing.T) {
	client, dump := newDumpingClient(t, always(302, "<h1>Moved</h1>", "Location: https://other.example.com/"))
	require.ErrorContains(t, get(t.Context(), client), "it leads to another host")
	require.Len(t, *dump, 1, "net/http closes the body of this response, and so does the call")
	assert.Contains(t, (*dump)[0], "< 302")
}

func TestADumpShowsNoCookieAndNoAuthorization(t *testing.T) {
	client, dump := newDumpingClient(t, always(200, `{}`, "Set-Cookie: session=secretsecret", "X-Other: shown"))
	_, err := rest.Get[thing](t.Context(), client, rest.Path("apps"),
		rest.WithHeader("Cookie", "session=secretsecret"), rest.WithHeader("Proxy-Authorization", "Basic secretsecret"))
	require.NoError(t, err)
	text := strings.Join(*dump, "")
	assert.NotContains(t, text, "secretsecret")
	for _, line := range []string{"> Cookie: [redacted]\n", "> Proxy-Authorization: [redacted]\n", "> Authorization: [redacted]\n", "< Set-Cookie: [redacted]\n", "< X-Other: shown\n"} {
		assert.Contains(t, text, line)
	}
}

func TestADumpOfASecretResponseShowsNothingOfIt(t *testing.T) {
	for body, shown := range map[string]string{
		`{"token":"secretsecret"}`: "<\n< [redacted]\n",
		``:                         "",
	} {
		client, dump := newDumpingClient(t, always(200, body))
		rest.Get[[]byte](t.Context(), client, rest.Path("apps"), rest.WithSecretResponse())
		require.Len(t, *dump, 1)
		_, end, _ := strings.Cut((*dump)[0], "< Deis_api_version: 2.2\n")
		assert.Equal(t, shown+"\n", end)
	}
}

func TestADumpHasTheBeginningOfALongBodyAndTheCallAllOfIt(t *testing.T) {
	const kept = 64 << 10
	body := strings.Repeat("é", kept)
	for situation, reader := range map[string]io.Reader{
		"in one read":     strings.NewReader(body),
		"in a few reads":  io.MultiReader(strings.NewReader(body[:kept-10]), strings.NewReader(body[kept-10:])),
		"in single bytes": &oneByOne{strings.NewReader(body)},
	} {
		client, dump := newDumpingClient(t, func(*http.Request) (*http.Response, error) {
			resp := response(200, "")
			resp.Body, resp.ContentLength = io.NopCloser(reader), -1
			return resp, nil
		})
		got, err := rest.Get[[]byte](t.Context(), client, rest.Path("apps", "a", "logs"))
		require.NoError(t, err, situation)
		assert.Equal(t, body, string(*got), situation)
		require.Len(t, *dump, 1, situation)
		_, shown, _ := strings.Cut((*dump)[0], "<\n< ")
		assert.Equal(t, body[:kept], strings.TrimSpace(shown), situation)
	}
}

func TestADumpShowsNothingOfASecretAtTheEndOfWhatItShows(t *testing.T) {
	long := strings.Repeat("long secret ", 3000)
	for _, secret := range []string{token, long} {
		for _, echo := range []string{secret, escapeAll(secret, `\u%04x`)} {
			for _, cut := range []int{4, 10} {
				filler := strings.Repeat("x", 64<<10-cut*len(echo)/len(secret))
				client, dump := newDumpingClient(t, always(200, filler+strings.Repeat(echo, 20)+filler))
				_, err := rest.Post[[]byte](t.Context(), client, rest.Path("apps", "a", "run"), thing{filler[len(`{"id":"`):] + secret}, rest.WithSecrets(secret))
				require.NoError(t, err)
				require.Len(t, *dump, 1)
				assert.True(t, strings.Contains((*dump)[0], "xxxxxx"))
				assert.False(t, strings.Contains((*dump)[0], secret[:4]) || strings.Contains((*dump)[0], echo[:4]))
				assert.Less(t, len((*dump)[0]), 2*(64<<10)+1000)
			}
		}
	}
}

// oneByOne reads one byte at a time.
type oneByOne struct{ io.Reader }

func (o *oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(len(p), 1)]) }
