package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/version"
)

// A setting is a dashboard, the Controller behind it, and what it logs.
type setting struct {
	*deistest.Server
	client *deis.Client
	url    string // of the dashboard
	logs   *logBuffer
	ended  chan string // the path of each answer that is complete
}

// start makes a dashboard over a Controller with one app, "shop": web=2, releases v1 to v4, a config and a domain.
func start(t *testing.T, api version.API, writes bool) *setting {
	t.Helper()
	s := &setting{Server: deistest.NewServer(deistest.WithAPIVersion(api)), logs: &logBuffer{}, ended: make(chan string, 1000)}
	t.Cleanup(s.Close)
	var err error
	s.client, err = deis.New(s.URL, deis.WithToken(s.Token), deis.WithRetry(deis.RetryPolicy{}))
	require.NoError(t, err)
	ctx := t.Context()
	_, err = s.client.Apps.Create(ctx, apps.CreateParams{ID: "shop"})
	require.NoError(t, err)
	for _, sha := range []string{"060da68", "1f4e9c2"} {
		_, err = s.client.Builds.Create(ctx, "shop", builds.CreateParams{
			Image: "acme/shop", SHA: sha, Procfile: map[string]string{"web": "shop", "worker": "work"},
		})
		require.NoError(t, err)
	}
	_, err = s.client.Config.SetValues(ctx, "shop", map[string]string{"GREETING": "good morning", "SECRET": "<hunter2>"})
	require.NoError(t, err)
	_, err = s.client.Domains.Create(ctx, "shop", "shop.example.com")
	require.NoError(t, err)
	require.NoError(t, s.client.Pods.Scale(ctx, "shop", map[string]int{"web": 2}))
	s.url = serve(t, s.client, writes, s.logs, s.ended)
	return s
}

func serve(t *testing.T, client *deis.Client, writes bool, logs io.Writer, ended chan string) string {
	t.Helper()
	d := &dashboard{
		client: client, controller: "the test's Controller", writes: writes, refresh: time.Second, ask: time.Millisecond,
		log: slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})), closing: context.Background(),
	}
	handler := d.handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		if ended != nil {
			ended <- r.URL.Path
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// changes lists the requests that could have changed something, since the setting was made.
func (s *setting) changes(since int) (made []string) {
	for _, r := range s.Controller.Requests()[since:] {
		if r.Method != http.MethodGet {
			made = append(made, r.String())
		}
	}
	return made
}

func send(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// shows checks that a page has some texts, and does not print the whole page where it lacks one.
func shows(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		assert.True(t, strings.Contains(page, text), "the page does not show %s", text)
	}
}

func lacks(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		assert.False(t, strings.Contains(page, text), "the page shows %s", text)
	}
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(t, err)
	return send(t, request)
}

// form makes the request that a browser sends with a form of the dashboard's own.
func form(t *testing.T, address string, fields ...string) *http.Request {
	t.Helper()
	values := make(url.Values)
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(values.Encode()))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	request.Header.Set("Sec-Fetch-Mode", "navigate")
	return request
}

func inBothVersions(t *testing.T, test func(*testing.T, version.API)) {
	for _, api := range []version.API{version.V1_6, version.V2_2} {
		t.Run(api.String(), func(t *testing.T) {
			t.Parallel()
			test(t, api)
		})
	}
}

func TestTheListShowsEachApp(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, false)
		response, page := get(t, s.url+"/")
		assert.Equal(t, http.StatusOK, response.StatusCode)
		shows(t, page, `<a href="/apps/shop">shop</a>`, "1 app · 2 of 2 pods up", `<span class="state good">running</span>`,
			`<span class="version">v4</span>`, " by admin", "API "+api.String(), "read-only")
		require.NoError(t, s.Controller.CrashPod("shop", "web.1"))
		_, page = get(t, s.url+"/")
		shows(t, page, "<title>(1) Apps", "1 of 2 pods up", "1 needs attention", `<span class="state bad">crashed</span>`)
	})
}

func TestALongListHasPages(t *testing.T) {
	t.Parallel()
	s := start(t, version.V1_6, false)
	for range appsPerPage {
		_, err := s.client.Apps.Create(t.Context(), apps.CreateParams{})
		require.NoError(t, err)
	}
	_, first := get(t, s.url+"/")
	shows(t, first, "51 apps", `<a href="/?page=2" rel="next">`)
	_, second := get(t, s.url+"/?page=2")
	shows(t, second, `<a href="/?page=1" rel="prev">`)
	lacks(t, second, `rel="next"`)
	assert.Equal(t, 51, strings.Count(first+second, "<tr role=\"row\" id="))
	response, beyond := get(t, s.url+"/?page=3")
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
	shows(t, beyond, "The Controller has no such thing")
}

func TestAnAppShowsEverything(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		require.NoError(t, s.Controller.AddLog("shop", "2026-01-02T15:04:05UTC shop[web.1]: listening on 5000"))
		_, page := get(t, s.url+"/apps/shop")
		running, err := deis.Collect(s.client.Pods.All(t.Context(), "shop", pods.ListOptions{}))
		require.NoError(t, err)
		require.Len(t, running, 2)
		shows(t, page, "2 of 2 up", running[0].Name, running[1].Name, "v4, ",
			"deployed 060da68", "deployed 1f4e9c2", "added GREETING, SECRET", "just now", `<span class="tag">current</span>`,
			`href="/apps/shop/rollback?to=3"`, "GREETING", "shop.example.com",
			`<time title="2 January 2026, 15:04:05 UTC">15:04:05</time> <b>web.1</b> <span>listening on 5000</span>`,
			`id="type-worker"`) // was never scaled, and can be
		lacks(t, page, `rollback?to=4"`, `rollback?to=1"`, "could not be read") // the present one; no build
	})
}

func TestAnUnknownAppIsNotFound(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		for path, want := range map[string]int{
			"/apps/nothing": http.StatusNotFound, "/apps/nothing/scale?type=web&count=1": http.StatusNotFound,
			"/apps/not%2Fan%2Fapp": http.StatusBadRequest, "/apps/": http.StatusNotFound, "/nothing": http.StatusNotFound,
			"/static/": http.StatusNotFound, "/static/nothing": http.StatusNotFound, "/?page=999999999999": http.StatusBadRequest,
			"/apps/shop/scale": http.StatusBadRequest, "/apps/shop/scale?type=web&count=-1": http.StatusBadRequest,
			"/apps/shop/rollback?to=0": http.StatusBadRequest,
		} {
			response, _ := get(t, s.url+path)
			assert.Equal(t, want, response.StatusCode, path)
		}
	})
}

func TestScalingAsksFirst(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		before := len(s.Controller.Requests())
		_, question := get(t, s.url+"/apps/shop/scale?type=web&count=3")
		shows(t, question, "Scale web of shop to 3 pods?", "At present 2 pods are wanted.")
		assert.Empty(t, s.changes(before))

		response, _ := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "3"))
		assert.Equal(t, http.StatusSeeOther, response.StatusCode)
		assert.Equal(t, "/apps/shop#type-web", response.Header.Get("Location"))
		_, page := get(t, s.url+"/apps/shop")
		shows(t, page, "3 of 3 up")
		assert.Contains(t, s.logs.String(), "msg=scaled app=shop type=web count=3")
	})
}

func TestRollingBackAsksFirstAndIsDoneOnce(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		before := len(s.Controller.Requests())
		_, question := get(t, s.url+"/apps/shop/rollback?to=2")
		shows(t, question, "Roll shop back to v2?", `name="from" value="4"`)
		assert.Empty(t, s.changes(before))

		response, _ := send(t, form(t, s.url+"/apps/shop/rollback", "to", "2", "from", "4"))
		assert.Equal(t, "/apps/shop#release-5", response.Header.Get("Location"))
		_, page := get(t, s.url+"/apps/shop")
		shows(t, page, "rolled back to v2")

		response, again := send(t, form(t, s.url+"/apps/shop/rollback", "to", "2", "from", "4"))
		assert.Equal(t, http.StatusOK, response.StatusCode)
		shows(t, again, "Nothing was done yet: release v5 was made meanwhile.")
		assert.Len(t, s.changes(before), 1)
	})
}

func TestAChangeThatFailsSaysWhy(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		response, page := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "99"))
		assert.Equal(t, http.StatusBadGateway, response.StatusCode)
		shows(t, page, "It could not be scaled.", "/apps/shop/scale/: 503 Service Unavailable", `href="/apps/shop"`)
	})
}

func TestReadOnlyChangesNothing(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, false)
		before := len(s.Controller.Requests())
		_, page := get(t, s.url+"/apps/shop")
		lacks(t, page, "Scale…", "Roll back")
		for path, fields := range map[string][]string{"/apps/shop/scale": {"type", "web", "count", "9"}, "/apps/shop/rollback": {"to", "2", "from", "4"}} {
			response, page := send(t, form(t, s.url+path, fields...))
			assert.Equal(t, http.StatusForbidden, response.StatusCode, path)
			shows(t, page, "read-only")
			response, _ = get(t, s.url+path)
			assert.Equal(t, http.StatusForbidden, response.StatusCode, path)
		}
		assert.Empty(t, s.changes(before))
	})
}

func TestOtherSitesCanOnlyLinkHere(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_2, true)
	before := len(s.Controller.Requests())
	for name, header := range map[string][]string{
		"of another site":                    {"Sec-Fetch-Site", "cross-site"},
		"of another port":                    {"Sec-Fetch-Site", "same-site"},
		"of another origin, an old browser":  {"Sec-Fetch-Site", "", "Origin", "https://evil.example.com"},
		"of a page without one, an old one":  {"Sec-Fetch-Site", "", "Origin", "null"},
		"by a script of another site":        {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"},
		"of the same name with another port": {"Sec-Fetch-Site", "", "Origin", "http://127.0.0.1:1"},
	} {
		for _, path := range []string{"/apps/shop/scale", "/apps/shop/rollback", "/apps/shop/config"} {
			request := form(t, s.url+path, "type", "web", "count", "0", "to", "2", "from", "4", "key", "SECRET")
			for i := 0; i < len(header); i += 2 {
				request.Header.Set(header[i], header[i+1])
			}
			response, page := send(t, request)
			assert.Equal(t, http.StatusForbidden, response.StatusCode, "%s: %s", name, path)
			lacks(t, page, "hunter2")
		}
	}
	for mode, want := range map[string]int{"navigate": http.StatusOK, "no-cors": http.StatusForbidden, "cors": http.StatusForbidden} {
		request, err := http.NewRequest(http.MethodGet, s.url+"/", nil)
		require.NoError(t, err)
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		request.Header.Set("Sec-Fetch-Mode", mode)
		response, _ := send(t, request)
		assert.Equal(t, want, response.StatusCode, mode)
	}
	assert.Empty(t, s.changes(before))
}

func TestOnlyItsOwnNamesAreAnswered(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_2, true)
	before := len(s.Controller.Requests())
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "localhost": 200, "LOCALHOST:1": 200, "[::1]:8080": 200, "127.0.0.1": 200,
		"evil.example.com": 421, "evil.example.com:8080": 421, "127.0.0.1.evil.example.com": 421, "localhost.evil.example.com": 421,
		"10.0.0.1": 421, "0.0.0.0:8080": 421, "127.0.0.1:x@evil.example.com": 421, "localhost.": 421,
	} {
		for _, path := range []string{"/nothing", "/static/app.css"} {
			request, err := http.NewRequest(http.MethodGet, s.url+path, nil)
			require.NoError(t, err)
			request.Host = host
			response, _ := send(t, request)
			got := response.StatusCode
			if path == "/nothing" && got == http.StatusNotFound {
				got = 200 // it was answered
			}
			assert.Equal(t, want, got, host)
		}
	}
	assert.Len(t, s.Controller.Requests(), before)
}

func TestEveryAnswerTellsTheBrowserToBeStrict(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_2, false)
	for _, path := range []string{"/", "/apps/shop", "/apps/nothing", "/static/app.js", "/nothing", "/apps/shop/scale"} {
		response, page := get(t, s.url+path)
		header := response.Header
		assert.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'", path)
		assert.Contains(t, header.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
		assert.NotContains(t, header.Get("Content-Security-Policy"), "unsafe", path)
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "same-origin", header.Get("Referrer-Policy"), path)
		assert.Equal(t, "no-store", header.Get("Cache-Control"), path)
		if strings.HasPrefix(header.Get("Content-Type"), "text/html") {
			assert.NotRegexp(t, `<script(>| [^>]*[^r]>)|<style|style=| on[a-z]+=|(src|href)="https?:`, page, "%s: inline or from elsewhere", path)
		}
	}
}

func TestConfigValuesAreHiddenUntilAskedFor(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, false)
		for _, path := range []string{"/", "/apps/shop", "/apps/shop?key=SECRET", "/apps/shop/config?key=SECRET"} {
			_, page := get(t, s.url+path)
			lacks(t, page, "hunter2", "good morning")
		}
		_, page := send(t, form(t, s.url+"/apps/shop/config?key=GREETING")) // only a form's body asks
		lacks(t, page, "good morning")

		response, page := send(t, form(t, s.url+"/apps/shop/config", "key", "SECRET"))
		assert.Equal(t, http.StatusOK, response.StatusCode)
		assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
		shows(t, page, "&lt;hunter2&gt;")
		lacks(t, page, "good morning")
		assert.NotContains(t, s.logs.String(), "hunter2")
		assert.Contains(t, s.logs.String(), `msg="showed a value of config" app=shop key=SECRET`)

		response, _ = send(t, form(t, s.url+"/apps/shop/config"))
		assert.Equal(t, "/apps/shop#config", response.Header.Get("Location"))
	})
}

func TestATokenIsNowhere(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		look := func() {
			t.Helper()
			for _, path := range []string{"/", "/apps/shop", "/apps/nothing", "/apps/shop/scale?type=web&count=1", "/apps/shop/rollback?to=2"} {
				response, page := get(t, s.url+path)
				lacks(t, page, s.Token)
				for name := range response.Header {
					assert.NotContains(t, response.Header.Get(name), s.Token, path)
				}
			}
			for path, fields := range map[string][]string{
				"/apps/shop/config": {"key", "GREETING"}, "/apps/shop/scale": {"type", "web", "count", "1"}, "/apps/shop/rollback": {"to", "2", "from", "4"},
			} {
				_, page := send(t, form(t, s.url+path, fields...))
				lacks(t, page, s.Token)
			}
		}
		look()
		// A proxy that repeats what it was sent.
		s.Controller.AddFault(deistest.Fault{Status: 502, Proxy: true, ContentType: "text/plain", Body: "bad gateway: Authorization: token " + s.Token})
		look()
		stream, err := http.Get(s.url + "/apps/shop/logs")
		require.NoError(t, err)
		defer stream.Body.Close()
		event, data := nextEvent(t, bufio.NewReader(stream.Body))
		assert.Equal(t, "problem", event)
		assert.NotContains(t, data, s.Token)
		assert.NotEmpty(t, s.logs.String())
		assert.NotContains(t, s.logs.String(), s.Token)
	})
}

func TestTheControllerGoesAwayAndComesBack(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		s.Controller.AddFault(deistest.Fault{Drop: true})
		for _, path := range []string{"/", "/apps/shop", "/apps/shop", "/apps/shop/rollback?to=2"} {
			response, page := get(t, s.url+path)
			assert.Equal(t, http.StatusBadGateway, response.StatusCode, path)
			shows(t, page, "The Controller gives no answer", "deis: GET /v", `data-refresh="1000"`)
		}
		s.Controller.ClearFaults()
		for range 2 {
			response, page := get(t, s.url+"/apps/shop")
			assert.Equal(t, http.StatusOK, response.StatusCode)
			lacks(t, page, "The Controller gives no answer")
		}
		logged := s.logs.String()
		assert.Equal(t, 1, strings.Count(logged, "the Controller gives no answer"), logged)
		assert.Equal(t, 1, strings.Count(logged, "the Controller answers again"), logged)

		s.Close()
		response, page := get(t, s.url+"/")
		assert.Equal(t, http.StatusBadGateway, response.StatusCode)
		shows(t, page, "connection refused")
	})
}

func TestAControllerThatIsNotThereYetIsFoundLater(t *testing.T) {
	t.Parallel()
	controller := deistest.New(deistest.WithFault(deistest.Fault{Drop: true}))
	client, err := deis.New("http://controller.invalid", deis.WithToken(controller.Token()),
		deis.WithTransport(controller.Transport()), deis.WithRetry(deis.RetryPolicy{}))
	require.NoError(t, err)
	address := serve(t, client, false, io.Discard, nil)
	response, _ := get(t, address+"/")
	assert.Equal(t, http.StatusBadGateway, response.StatusCode)
	controller.ClearFaults()
	response, _ = get(t, address+"/")
	assert.Equal(t, http.StatusOK, response.StatusCode)
}

func TestAPartThatCannotBeReadSaysSoInItsPlace(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		for _, path := range []string{"pods", "containers", "logs", "domains", "config"} {
			s.Controller.AddFault(deistest.Fault{Path: "/apps/*/" + path, Status: 500, Body: `{"detail": "out of ` + path + `"}`})
		}
		response, page := get(t, s.url+"/apps/shop")
		assert.Equal(t, http.StatusOK, response.StatusCode)
		shows(t, page, "out of logs", "out of domains", "out of config", `<span class="state idle">unknown</span>`, "deployed 060da68")
		response, page = get(t, s.url+"/")
		assert.Equal(t, http.StatusOK, response.StatusCode)
		shows(t, page, "500 Internal Server Error: out of ", `<a href="/apps/shop">`)
	})
}

// nextEvent reads one server-sent event. What only says how long to wait is skipped.
func nextEvent(t *testing.T, stream *bufio.Reader) (event, data string) {
	t.Helper()
	for {
		line, err := stream.ReadString('\n')
		require.NoError(t, err)
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case name == "event":
			event = value
		case name == "data":
			data = value
		case line == "\n" && event != "":
			return event, data
		}
	}
}

func TestALineThatComesLaterIsShown(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, false)
		require.NoError(t, s.Controller.ClearLogs("shop"))
		require.NoError(t, s.Controller.AddLog("shop", "the first line"))
		ctx, leave := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/apps/shop/logs", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
		assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
		stream := bufio.NewReader(response.Body)
		for _, sent := range []string{
			"the first line",
			"</script><script>alert(1)</script>",
			"a carriage return\revent: problem\rdata: \"forged\"\r\r",
			"\x1b[31mred\x1b[0m \u2028 and after",
		} {
			if sent != "the first line" {
				require.NoError(t, s.Controller.AddLog("shop", sent))
			}
			event, data := nextEvent(t, stream)
			assert.Equal(t, "line", event)
			var line logLine
			require.NoError(t, json.Unmarshal([]byte(data), &line))
			assert.Equal(t, strings.TrimRight(strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "").Replace(sent), "\r"), line.Text)
		}
		// The stream ends with the browser that reads it.
		leave()
		assert.Equal(t, "/apps/shop/logs", <-s.ended)
	})
}

func TestAStreamSaysWhatWentWrongAndEnds(t *testing.T) {
	inBothVersions(t, func(t *testing.T, api version.API) {
		s := start(t, api, false)
		response, err := http.Get(s.url + "/apps/shop/logs")
		require.NoError(t, err)
		defer response.Body.Close()
		stream := bufio.NewReader(response.Body)
		event, _ := nextEvent(t, stream)
		assert.Equal(t, "line", event)
		s.Controller.AddFault(deistest.Fault{Drop: true})
		var data string
		for event == "line" {
			event, data = nextEvent(t, stream)
		}
		assert.Equal(t, "problem", event)
		assert.Contains(t, data, "deis: GET /v")
		_, err = stream.ReadByte()
		assert.ErrorIs(t, err, io.EOF)
	})
}

// A Controller that is full of markup.
func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	const hostile = `\"><script src=//evil.example.com></script><img src=x onerror=alert(1)>'`
	answers := map[string]string{
		"/v2/apps/":              `{"count": 1, "results": [{"id": "H", "owner": "H", "structure": {"H": 1}, "created": "2026-01-01T00:00:00Z"}]}`,
		"/v2/apps/shop/":         `{"id": "H", "owner": "H", "url": "H", "structure": {"H": 1}}`,
		"/v2/apps/shop/pods/":    `{"count": 1, "results": [{"name": "H", "type": "H", "state": "H", "release": "H"}]}`,
		"/v2/apps/shop/releases": `{"count": 2, "results": [{"version": 2, "owner": "H", "summary": "H", "build": "H"}, {"version": 1, "owner": "H", "summary": "H", "build": "H"}]}`,
		"/v2/apps/shop/config/":  `{"values": {"H": "H"}}`,
		"/v2/apps/shop/domains/": `{"count": 1, "results": [{"domain": "H", "owner": "H"}]}`,
		"/v2/apps/shop/builds/":  `{"count": 1, "results": [{"procfile": {"H": "H"}}]}`,
		"/v2/apps/shop/logs":     `"2026-01-02T15:04:05UTC shop[web.1]: H\nH"`,
	}
	controller := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(version.Header, "2.2")
		for path, answer := range answers {
			if strings.Trim(path, "/") == strings.Trim(r.URL.Path, "/") {
				io.WriteString(w, strings.ReplaceAll(answer, "H", hostile))
				return
			}
		}
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"detail": "`+hostile+`"}`)
	}))
	t.Cleanup(controller.Close)
	client, err := deis.New(controller.URL, deis.WithToken("t0ken"), deis.WithRetry(deis.RetryPolicy{}))
	require.NoError(t, err)
	address := serve(t, client, true, io.Discard, nil)
	query := url.QueryEscape(strings.ReplaceAll(hostile, `\"`, `"`))
	for _, path := range []string{"/", "/apps/shop", "/apps/other", "/apps/shop/scale?count=1&type=" + query, "/apps/" + url.PathEscape(query), "/" + query} {
		_, page := get(t, address+path)
		for _, live := range []string{"<script src=//", "<img src=x", `"><`} {
			if live == `"><` { // attributes of the dashboard's own end like that, too
				live += "script src=//"
			}
			lacks(t, page, live)
		}
	}
	_, page := get(t, address+"/apps/shop")
	assert.Greater(t, strings.Count(page, "&lt;img src=x onerror=alert(1)&gt;"), 10, "it is shown")
}
