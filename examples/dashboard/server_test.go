package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

// A fixture is a dashboard, the Controller behind it, and what it logs.
type fixture struct {
	*deistest.Server
	client *deis.Client
	*dashboard
	url   string // of the dashboard
	logs  *logBuffer
	ended chan string // the paths of completed responses
}

// start makes a dashboard for a Controller with one app, "shop": web=2, releases v1 to v4, a config and a domain.
func start(t *testing.T, api version.API, writes bool) *fixture {
	t.Helper()
	s := &fixture{Server: deistest.Start(t, deistest.WithAPIVersion(api)), logs: &logBuffer{}, ended: make(chan string, 1000)}
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
	s.dashboard, s.url = serve(t, s.client, http.DefaultTransport, writes, 200*time.Millisecond, s.logs, s.ended)
	return s
}

// serve starts a dashboard whose budget is too large to matter.
func serve(t *testing.T, client *deis.Client, transport http.RoundTripper, writes bool, round time.Duration, logs io.Writer, ended chan string) (*dashboard, string) {
	t.Helper()
	d, err := dashboardOf(client, transport, 5000, round, slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	require.NoError(t, err)
	d.controller, d.writes, d.refresh = "the test's Controller", writes, time.Second
	d.feeds.every = 10 * time.Millisecond
	go d.reader.Run(t.Context())
	handler := d.handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		if ended != nil {
			ended <- r.URL.Path
		}
	}))
	t.Cleanup(server.Close)
	return d, server.URL
}

// warm waits until all apps were read.
func (d *dashboard) warm(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return d.reader.Look().Complete() }, 20*time.Second, 5*time.Millisecond)
}

// reread reads the app again, as after a change.
func (s *fixture) reread(t *testing.T) {
	t.Helper()
	s.open.expire("shop")
	require.NoError(t, s.reader.Refresh(t.Context(), "shop"))
}

// changes returns the requests, after the first since, that could have changed something.
func (s *fixture) changes(since int) (made []string) {
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

// shows asserts that a page contains texts. It does not print the whole page on failure.
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

// form makes the request that a browser sends for a form of the dashboard.
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

func inEachVersion(t *testing.T, test func(*testing.T, version.API)) {
	for _, api := range []version.API{version.V1_6, version.V2_2, version.V2_3} {
		t.Run(api.String(), func(t *testing.T) {
			t.Parallel()
			test(t, api)
		})
	}
}

func TestTheListShowsEachApp(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, false)
		response, page := get(t, s.url+"/")
		assert.Equal(t, http.StatusOK, response.StatusCode, "it does not wait for the Controller")
		shows(t, page, `data-refresh="1000"`, `<noscript><meta http-equiv="refresh" content="3"></noscript>`)
		s.warm(t)
		_, page = get(t, s.url+"/")
		shows(t, page, `<a href="/apps/shop">shop</a>`, "1 app · 2 of 2 pods up", `<span class="state good">running</span>`, "all is well",
			`<span class="version">v4</span>`, " by admin", "API "+api.String(), "read-only", "The oldest state here was read")
		lacks(t, page, "<noscript><meta")
		require.NoError(t, s.Controller.CrashPod("shop", "web.1"))
		s.reread(t)
		_, page = get(t, s.url+"/")
		shows(t, page, "<title>(1) Apps", "1 of 2 pods up", "1 needs attention", `<span class="state bad">crashed</span>`)
		lacks(t, page, "all is well")
	})
}

// many starts a dashboard for n apps, of which two are in trouble, and one cannot be read.
func many(t *testing.T, n int) (*dashboard, *deistest.Controller, string) {
	t.Helper()
	controller := deistest.New(deistest.WithAPIVersion(version.V2_2), deistest.WithUser("bob", "opensesame"))
	client, err := deis.New("http://controller.invalid", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
	require.NoError(t, err)
	bob, err := client.With(deis.WithToken(controller.TokenOf("bob")))
	require.NoError(t, err)
	for i := range n {
		owner := client
		if i%10 == 0 {
			owner = bob
		}
		id := fmt.Sprintf("app-%03d", i)
		_, err := owner.Apps.Create(t.Context(), apps.CreateParams{ID: id})
		require.NoError(t, err)
		if i >= n-3 {
			_, err = owner.Builds.Create(t.Context(), id, builds.CreateParams{Image: "acme/" + id, SHA: "060da68", Procfile: map[string]string{"web": "run"}})
			require.NoError(t, err)
		}
	}
	require.NoError(t, controller.CrashPod(fmt.Sprintf("app-%03d", n-1), "web.1"))
	require.NoError(t, controller.CrashPod(fmt.Sprintf("app-%03d", n-2), "web.1"))
	controller.AddFault(deistest.Fault{Path: "/apps/app-001/pods", Status: 500, Body: `{"detail": "out of order"}`})
	d, url := serve(t, client, controller.Transport(), false, time.Hour, io.Discard, nil)
	d.warm(t)
	return d, controller, url
}

// shown returns the ids of the apps on a page, in order.
func shown(page string) (ids []string) {
	for _, match := range regexp.MustCompile(`<tr role="row" id="app-([^"]+)"`).FindAllStringSubmatch(page, -1) {
		ids = append(ids, match[1])
	}
	return ids
}

func TestAppsInTroubleComeFirst(t *testing.T) {
	t.Parallel()
	_, controller, url := many(t, 300)
	before := len(controller.Requests())
	_, page := get(t, url+"/")
	shows(t, page, "300 apps", "2 need attention", "1 unknown", "Page 1 of 6", `<a href="/?page=2" rel="next">`)
	lacks(t, page, "all is well", `rel="prev"`)
	require.Len(t, shown(page), 50)
	assert.Equal(t, []string{"app-298", "app-299", "app-001"}, shown(page)[:3])
	for path, want := range map[string]struct {
		n    int
		text string
	}{
		"/?page=6":                        {50, "Page 6 of 6"},
		"/?per=500":                       {300, "300 apps"},
		"/?per=100&page=3":                {100, "Page 3 of 3"},
		"/?page=7":                        {0, "There are only 6 pages."},
		"/?page=999999999999999999999":    {50, "Page 1 of 6"},
		"/?state=attention":               {2, "2 apps match."},
		"/?state=unknown":                 {1, "1 app matches."},
		"/?state=not-deployed&owner=bob":  {30, "30 apps match."},
		"/?state=running":                 {1, `<option value="running" selected>`},
		"/?owner=bob":                     {30, `<option value="bob" selected>`},
		"/?owner=nobody":                  {0, "No app matches"},
		"/?q=APP-01":                      {10, `value="APP-01"`},
		"/?q=060da68":                     {3, "3 apps match."},
		"/?q=app-0&page=9":                {0, "There are only 2 pages."},
		"/?q=%22%3E%3Cscript%3E&sort=oh":  {0, "No app matches"},
		"/?q=app-0&sort=name&owner=admin": {50, `href="/?owner=admin&amp;page=2&amp;q=app-0&amp;sort=name"`},
	} {
		response, page := get(t, url+path)
		assert.Equal(t, http.StatusOK, response.StatusCode, path)
		assert.Len(t, shown(page), want.n, path)
		shows(t, page, want.text)
	}
	_, page = get(t, url+"/?sort=name&page=2")
	assert.Equal(t, "app-050", shown(page)[0])
	_, page = get(t, url+"/?sort=owner&per=500")
	assert.Equal(t, "app-299", shown(page)[269])
	assert.Equal(t, "app-290", shown(page)[299], "bob's come after admin's")
	assert.Len(t, controller.Requests(), before, "a warm snapshot needs no request")
}

// A tab refreshes every five seconds; the tab of an app also follows its log.
func TestTenTabsCostTheSameAsOne(t *testing.T) {
	for _, api := range []version.API{version.V1_6, version.V2_2, version.V2_3} {
		t.Run(api.String(), func(t *testing.T) {
			cost := func(more int, path string, tabs int, log bool) (requests int) {
				synctest.Test(t, func(t *testing.T) {
					ctx, end := context.WithCancel(t.Context())
					demo, err := newDemo(ctx, api)
					require.NoError(t, err)
					for i := range more {
						_, err := demo.admin.Apps.Create(ctx, apps.CreateParams{ID: fmt.Sprintf("more-%d", i)})
						require.NoError(t, err)
					}
					d, err := dashboardOf(demo.admin, demo.controller.Transport(), usualRequests, usualRound, slog.New(slog.DiscardHandler))
					require.NoError(t, err)
					go d.reader.Run(ctx)
					handler := d.handler()
					look := func(path string) {
						request := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
						request.Host = "localhost"
						handler.ServeHTTP(httptest.NewRecorder(), request)
					}
					count := func() int { return len(demo.controller.Requests()) }
					look(path)
					time.Sleep(5 * time.Minute) // the saved requests of the first look are made up for
					before := count()
					for i := range tabs {
						go func() {
							time.Sleep(time.Duration(i) * 100 * time.Millisecond)
							for ctx.Err() == nil {
								look(path)
								time.Sleep(refreshEvery)
							}
						}()
						if log {
							go look(path + "/logs")
						}
					}
					time.Sleep(time.Minute)
					requests = count() - before
					end()
					synctest.Wait()
					time.Sleep(time.Minute) // until everything has ended
				})
				return requests
			}
			for _, page := range []struct {
				more int
				path string
				log  bool
			}{{0, "/", false}, {0, "/apps/shop", true}, {240, "/", false}, {240, "/apps/shop", true}} {
				one, ten := cost(page.more, page.path, 1, page.log), cost(page.more, page.path, 10, page.log)
				t.Logf("%s, %d apps: one tab makes %d requests a minute, ten make %d", page.path, len(company)+page.more, one, ten)
				assert.LessOrEqual(t, max(one, ten), usualRequests*60+snapshot.Burst+1)
				assert.InDelta(t, one, ten, 15)
			}
		})
	}
}

func TestThePageOfAnAppShowsEverything(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
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
			`id="type-worker"`) // never scaled, but it can be
		lacks(t, page, `rollback?to=4"`, `rollback?to=1"`, "could not be read") // the current one; no build
	})
}

func TestAnUnknownAppIsNotFound(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		for path, want := range map[string]int{
			"/apps/nothing": http.StatusNotFound, "/apps/nothing/scale?type=web&count=1": http.StatusNotFound,
			"/apps/not%2Fan%2Fapp": http.StatusBadRequest, "/apps/": http.StatusNotFound, "/nothing": http.StatusNotFound,
			"/static/": http.StatusNotFound, "/static/nothing": http.StatusNotFound, "/apps/shop/settings?name=routable": http.StatusBadRequest,
			"/apps/shop/scale": http.StatusBadRequest, "/apps/shop/scale?type=web&count=-1": http.StatusBadRequest,
			"/apps/shop/rollback?to=0": http.StatusBadRequest, "/apps/shop/restart?type=nothing": http.StatusBadRequest,
			"/apps/shop/restart": http.StatusBadRequest, "/apps/shop/restart?all=true&type=web": http.StatusBadRequest,
			"/apps/shop/settings?name=label&on=true": http.StatusBadRequest, "/apps/nothing/restart?all=true": http.StatusNotFound,
			"/apps/nothing/rollback?to=1": http.StatusNotFound,
		} {
			response, _ := get(t, s.url+path)
			assert.Equal(t, want, response.StatusCode, path)
		}
		for _, path := range []string{"/apps/nothing", "/apps/nothing/scale?type=web&count=1", "/apps/nothing/rollback?to=1", "/apps/nothing/restart?all=true"} {
			_, page := get(t, s.url+path)
			shows(t, page, "There is no app named nothing.", `<a class="button" href="/?q=nothing">`)
		}
	})
}

// The app is there, but not what was requested of it. API 1.6 responds to these with other statuses.
func TestAnAppIsNotSaidToBeMissingIfOnlyAPartOfItIs(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_3, true)
	response, page := get(t, s.url+"/apps/shop/rollback?to=99")
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
	shows(t, page, "The Controller did not find what was requested.")
	lacks(t, page, "There is no app")
	response, page = send(t, form(t, s.url+"/apps/shop/scale", "type", "nothing", "count", "1", "from", "0"))
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
	shows(t, page, "The Controller did not find what was requested.")
	lacks(t, page, "There is no app")
	response, page = send(t, form(t, s.url+"/apps/shop/restart", "type", "web", "name", "shop-web-1-gone0"))
	assert.Equal(t, http.StatusBadRequest, response.StatusCode)
	shows(t, page, "There is no such pod any more. Nothing was restarted.")
}

func TestScalingAsksFirst(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		before := len(s.Controller.Requests())
		_, question := get(t, s.url+"/apps/shop/scale?type=web&count=3")
		shows(t, question, "Scale web of shop to 3 pods?", "It is now set to 2 pods.", `name="from" value="2"`)
		assert.Empty(t, s.changes(before))

		response, _ := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "3", "from", "2"))
		assert.Equal(t, http.StatusSeeOther, response.StatusCode)
		assert.Equal(t, "/apps/shop#type-web", response.Header.Get("Location"))
		_, page := get(t, s.url+"/apps/shop")
		shows(t, page, "3 of 3 up")
		assert.Contains(t, s.logs.String(), "msg=scaled app=shop type=web count=3")
	})
}

func TestRollingBackAsksFirstAndIsDoneOnce(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		before := len(s.Controller.Requests())
		_, question := get(t, s.url+"/apps/shop/rollback?to=2")
		shows(t, question, "Roll shop back to v2?", `name="from" value="4"`)
		assert.Empty(t, s.changes(before))

		response, _ := send(t, form(t, s.url+"/apps/shop/rollback", "to", "2", "from", "4"))
		assert.Equal(t, "/apps/shop#release-5", response.Header.Get("Location"))
		_, page := get(t, s.url+"/apps/shop")
		shows(t, page, "rolled back to v2")

		response, repeated := send(t, form(t, s.url+"/apps/shop/rollback", "to", "2", "from", "4"))
		assert.Equal(t, http.StatusOK, response.StatusCode)
		shows(t, repeated, "Nothing has been done yet, because release v5 was made in the meantime.")
		assert.Len(t, s.changes(before), 1)
	})
}

func TestAStaleScaleIsAskedAgain(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		require.NoError(t, s.client.Pods.Scale(t.Context(), "shop", map[string]int{"web": 10})) // by somebody else
		before := len(s.Controller.Requests())
		response, question := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "1", "from", "2"))
		assert.Equal(t, http.StatusOK, response.StatusCode)
		shows(t, question, "Scale web of shop to 1 pod?", "Nothing has been done yet, because web was set to 10 pods in the meantime.", `name="from" value="10"`)
		for _, from := range []string{"", "two"} {
			response, _ = send(t, form(t, s.url+"/apps/shop/scale?from=10", "type", "web", "count", "1", "from", from))
			assert.Equal(t, http.StatusBadRequest, response.StatusCode)
		}
		response, _ = send(t, form(t, s.url+"/apps/shop/scale?from=10", "type", "web", "count", "1"))
		assert.Equal(t, http.StatusBadRequest, response.StatusCode)
		assert.Empty(t, s.changes(before))

		response, _ = send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "1", "from", "10"))
		assert.Equal(t, "/apps/shop#type-web", response.Header.Get("Location"))
		assert.Len(t, s.changes(before), 1)
	})
}

func TestAScaleThatFailsIsExplainedAndCanBeFixed(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		response, page := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "99", "from", "2"))
		assert.Equal(t, http.StatusBadGateway, response.StatusCode)
		shows(t, page, "Scaling failed.", "503 Service Unavailable", `href="/apps/shop"`)
		lacks(t, page, `method="post"`)
		if api.Major == 1 {
			lacks(t, page, "has stored")
			return
		}
		const back, again = "/apps/shop/scale?count=2&type=web", "/apps/shop/scale?again=true&count=99&type=web"
		shows(t, page, "The Controller has stored the new number, but has not applied it.", "It has stored 99 pods of web, and lists 2. Requesting 99 again would do nothing",
			link(back)+"Scale to 2…", "the number that was stored before", link(again)+"Scale to 100, then to 99…")
		_, page = send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "99", "from", "99"))
		shows(t, page, "has stored the new number", "scale to another number first", link(again))
		lacks(t, page, "Scale to 2", "Scale to 98") // what is listed is not what runs

		before := len(s.Controller.Requests())
		_, question := get(t, s.url+again)
		shows(t, question, "Scale web of shop to 100 pods, then to 99?", `name="again" value="true"`, `name="from" value="99"`)
		_, question = get(t, s.url+back)
		shows(t, question, "Scale web of shop to 2 pods?", `name="from" value="99"`)
		assert.Empty(t, s.changes(before))
		response, _ = send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "2", "from", "99"))
		assert.Equal(t, "/apps/shop#type-web", response.Header.Get("Location"))
		_, page = get(t, s.url+"/apps/shop")
		shows(t, page, "2 of 2 up")
	})
}

// If the first of two steps fails, the Controller has stored a number that nobody wants.
func TestASecondAttemptThatFailsCanBeFixed(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_2, true)
	send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "99", "from", "2"))
	_, page := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "99", "from", "99", "again", "true"))
	shows(t, page, "has stored the new number", link("/apps/shop/scale?again=true&count=99&type=web")+"Scale to 99…")
	shows(t, page, "Requesting 100 again would do nothing")
	lacks(t, page, "Scale to 100", "Scale to 2")
	_, question := get(t, s.url+"/apps/shop/scale?again=true&count=99&type=web")
	shows(t, question, "Scale web of shop to 99 pods?", "It is now set to 100 pods.")
}

// link returns the beginning of a link that looks like a button, as it is in a page.
func link(address string) string { return `href="` + strings.ReplaceAll(address, "&", "&amp;") + `">` }

// hidePods makes the Controller list no web pods although three run: a build failed for another process type.
func (s *fixture) hidePods(t *testing.T) {
	t.Helper()
	require.NoError(t, s.client.Pods.Scale(t.Context(), "shop", map[string]int{"web": 3, "worker": 1}))
	_, err := s.client.Builds.Create(t.Context(), "shop", builds.CreateParams{
		Image: "acme/shop:k8s-fail-worker", SHA: "7be1cc4", Procfile: map[string]string{"web": "shop", "worker": "work"},
	})
	require.Error(t, err)
	listed, err := deis.Collect(s.client.Pods.All(t.Context(), "shop", pods.ListOptions{Type: "web"}))
	require.NoError(t, err)
	require.Empty(t, listed)
}

func TestHiddenPodsAreBroughtBackByARollback(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_2, true)
	s.hidePods(t)
	_, page := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "3", "from", "3"))
	shows(t, page, "Scaling failed.", "The Controller has stored 3 pods of web, but lists none.", "They may run nevertheless",
		`class="button primary" `+link("/apps/shop/rollback?to=4")+"Roll back to v4…",
		link("/apps/shop/scale?again=true&count=3&type=web")+"Scale to 4, then to 3…")
	lacks(t, page, "Scale to 0", "Scale to 1", "has 0 pods", "unable to reach Kubernetes", `method="post"`)

	before := len(s.Controller.Requests())
	_, question := get(t, s.url+"/apps/shop/rollback?to=4")
	shows(t, question, "Roll shop back to v4?", "The app runs v4", "same build and config", "also those that the Controller does not list", `name="from" value="4"`)
	assert.Empty(t, s.changes(before))
	response, _ := send(t, form(t, s.url+"/apps/shop/rollback", "to", "4", "from", "4"))
	assert.Equal(t, "/apps/shop#release-5", response.Header.Get("Location"))
	_, page = get(t, s.url+"/apps/shop")
	shows(t, page, "3 of 3 up", "1 of 1 up")
}

func TestHiddenPodsAreNotStoppedByASecondAttempt(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_2, true)
	s.hidePods(t)
	_, question := get(t, s.url+"/apps/shop/scale?again=true&count=3&type=web")
	shows(t, question, "Scale web of shop to 4 pods, then to 3?", `name="from" value="3"`)
	before := len(s.Controller.Requests())
	response, _ := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "3", "from", "3", "again", "true"))
	assert.Equal(t, "/apps/shop#type-web", response.Header.Get("Location"))
	assert.Len(t, s.changes(before), 2)
	logged := s.logs.String()
	up, down := strings.Index(logged, "msg=scaled app=shop type=web count=4"), strings.Index(logged, "msg=scaled app=shop type=web count=3")
	assert.True(t, 0 <= up && up < down, logged)
}

func TestPodsThatAreEndingAreNotCounted(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_2, true)
	s.Controller.AddFault(deistest.Fault{Method: http.MethodGet, Path: "/apps/shop/pods", Status: http.StatusOK, Body: `{"count": 2, "results": [
		{"name": "shop-web-1-abcde", "type": "web", "state": "terminating", "release": "v4", "started": "2026-01-02T15:04:05Z"},
		{"name": "shop-worker-1-abcde", "type": "worker", "state": "up", "release": "v4", "started": "2026-01-02T15:04:05Z"}]}`})
	_, page := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "2", "from", "2"))
	shows(t, page, "The Controller has stored 2 pods of web, but lists none.")
	lacks(t, page, "Scale to 0", "Scale to 1", "unable to reach Kubernetes")
}

func TestNoSmallerNumberIsOfferedWhileTheControllerListsNoPods(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_3, true)
	s.SetKubernetes(false)
	_, page := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "4", "from", "2"))
	shows(t, page, "The Controller has stored 4 pods of web, but lists none.", "may be unable to reach Kubernetes")
	lacks(t, page, "Scale to 0", "Scale to 2", "Scale to 3")
	_, page = get(t, s.url+"/apps/shop")
	shows(t, page, `<span class="state bad">no pods seen</span>`, "The Controller lists no pods.")
	s.warm(t)
	_, page = get(t, s.url+"/")
	shows(t, page, "The Controller lists no pods for any app.")
}

func TestNothingIsOfferedIfTheAppCannotBeReadAfterAScale(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_2, true)
	s.Controller.AddFault(deistest.Fault{Method: http.MethodGet, Path: "/apps/shop/pods", Status: http.StatusInternalServerError, Body: `{"detail": "Server Error"}`})
	_, page := send(t, form(t, s.url+"/apps/shop/scale", "type", "web", "count", "99", "from", "2"))
	shows(t, page, "has stored the new number", "The app could not be read afterwards.")
	lacks(t, page, "Scale to", "Roll back to", "unable to reach Kubernetes")
}

func TestRestartingAsksFirst(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		name := func() string {
			running, err := deis.Collect(s.client.Pods.All(t.Context(), "shop", pods.ListOptions{}))
			require.NoError(t, err)
			require.Len(t, running, 2)
			return running[0].Name
		}
		for query, want := range map[string]string{
			"?all=true":                          "Restart all pods of shop?",
			"":                                   "Say what to restart",
			"?type=&name=":                       "Say what to restart",
			"?all=true&type=web":                 "Say what to restart",
			"?type=web":                          "Restart all web pods of shop?",
			"?type=web&name=" + name():           "Restart the pod " + name() + " of shop?",
			"?type=web&name=shop-web-1-gone0000": "There is no such pod any more.",
		} {
			_, page := get(t, s.url+"/apps/shop/restart"+query)
			shows(t, page, want)
		}
		before := len(s.Controller.Requests())
		for _, fields := range [][]string{{}, {"type", "", "name", ""}, {"all", "yes"}, {"all", "true", "type", "web"}} {
			response, _ := send(t, form(t, s.url+"/apps/shop/restart?all=true", fields...))
			assert.Equal(t, http.StatusBadRequest, response.StatusCode, fields)
		}
		assert.Empty(t, s.changes(before))
		for _, fields := range [][]string{{"all", "true"}, {"type", "web"}, {"type", "web", "name", name()}} {
			require.NoError(t, s.Controller.CrashPod("shop", "web.1"))
			require.NoError(t, s.Controller.CrashPod("shop", "web.2"))
			before := len(s.Controller.Requests())
			if len(fields) == 4 {
				fields[3] = name()
			}
			response, _ := send(t, form(t, s.url+"/apps/shop/restart", fields...))
			assert.Equal(t, http.StatusSeeOther, response.StatusCode)
			assert.Len(t, s.changes(before), 1)
			_, page := get(t, s.url+"/apps/shop")
			if len(fields) == 4 {
				shows(t, page, "1 of 2 up")
			} else {
				shows(t, page, "2 of 2 up")
			}
		}
		assert.Contains(t, s.logs.String(), "msg=restarted app=shop")
	})
}

func TestSettingsAreSwitchedInAPI23(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_3, true)
	_, page := get(t, s.url+"/apps/shop")
	shows(t, page, "Maintenance mode is off.", "Requests reach the app.")
	_, page = get(t, s.url+"/apps/shop/settings?name=maintenance&on=true")
	shows(t, page, "Turn on maintenance mode for shop?", "Its pods keep running.")
	response, _ := send(t, form(t, s.url+"/apps/shop/settings", "name", "maintenance", "on", "true"))
	assert.Equal(t, "/apps/shop#settings", response.Header.Get("Location"))
	response, _ = send(t, form(t, s.url+"/apps/shop/settings", "name", "maintenance", "on", "true"))
	assert.Equal(t, http.StatusSeeOther, response.StatusCode, "a second click does no harm")
	_, page = get(t, s.url+"/apps/shop")
	shows(t, page, "Maintenance mode is <strong>on</strong>.", `<span class="state busy">maintenance</span>`)
	_, page = get(t, s.url+"/apps/shop/settings?name=routable&on=false")
	shows(t, page, "Requests will no longer reach the app.")
	send(t, form(t, s.url+"/apps/shop/settings", "name", "routable", "on", "false"))
	_, page = get(t, s.url+"/apps/shop")
	shows(t, page, "<strong>do not</strong> reach the app", `<span class="state busy">not routable</span>`)
	s.warm(t)
	_, page = get(t, s.url+"/?state=maintenance")
	assert.Equal(t, []string{"shop"}, shown(page))

	old := start(t, version.V2_2, true)
	_, page = get(t, old.url+"/apps/shop")
	lacks(t, page, "Maintenance mode")
	_, page = get(t, old.url+"/apps/shop/settings?name=maintenance&on=true")
	shows(t, page, "Something went wrong.", "2.3")
}

func TestAnAutoscaledAppIsJudgedByItsBounds(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_3, true)
	_, err := s.client.Settings.Set(t.Context(), "shop", settings.Changes{Autoscale: map[string]*settings.Autoscale{"web": {Min: 2, Max: 6, CPUPercent: 70}}})
	require.NoError(t, err)
	require.NoError(t, s.Controller.Autoscale("shop", "web", 5))
	_, page := get(t, s.url+"/apps/shop")
	shows(t, page, "5 up, autoscaled from 2 to 6 at 70% CPU", `<span class="state good">running</span>`)
	_, page = get(t, s.url+"/apps/shop/scale?type=web&count=3")
	shows(t, page, "Autoscaling keeps it between 2 and 6 pods")
}

func TestAFailedReleaseIsShownAndCannotBeRolledBackTo(t *testing.T) {
	t.Parallel()
	s := start(t, version.V2_3, true)
	_, err := s.client.Builds.Create(t.Context(), "shop", builds.CreateParams{Image: "acme/missing:1", Procfile: map[string]string{"web": "shop", "worker": "work"}})
	require.Error(t, err)
	_, page := get(t, s.url+"/apps/shop")
	shows(t, page, "The newest release, v5, failed", "The app runs v4", `<span class="state bad">v5 failed</span>`, "Failed</span>", "No build</span>",
		`href="/apps/shop/rollback?to=4"`) // brings its pods back
	lacks(t, page, `rollback?to=5"`, `rollback?to=1"`)
	s.warm(t)
	_, page = get(t, s.url+"/")
	shows(t, page, "1 needs attention", "v5 failed")
	_, page = get(t, s.url+"/apps/shop/rollback?to=4")
	shows(t, page, `name="from" value="5"`, "Release v6 will have")
	response, _ := send(t, form(t, s.url+"/apps/shop/rollback", "to", "4", "from", "5"))
	assert.Equal(t, "/apps/shop#release-6", response.Header.Get("Location"))
	_, page = get(t, s.url+"/apps/shop")
	lacks(t, page, "The newest release, v5, failed")
}

func TestLimitsChecksImageAndCertificatesAreShown(t *testing.T) {
	t.Parallel()
	demo, err := newDemo(t.Context(), version.V2_3)
	require.NoError(t, err)
	d, url := serve(t, demo.admin, demo.controller.Transport(), true, time.Second, io.Discard, nil)
	d.platform = "example.com"
	_, page := get(t, url+"/apps/shop")
	shows(t, page, "memory 512M", "CPU 250m", "liveness: GET /healthz on port 5000 every 10 s", "Runs <code>registry.example.com/shop</code>",
		`<a href="https://shop.example.com/" rel="noopener noreferrer">shop.example.com</a>`,
		`<a href="http://www.example.com/" rel="noopener noreferrer">www.example.com</a>`,
		`<p class="bad">Certificate shop expires in 20 days`)
	_, page = get(t, url+"/apps/playground")
	shows(t, page, `<a href="http://playground.example.com/" rel="noopener noreferrer">playground</a>`, "None are set.", "Nothing is deployed yet.")
	_, page = get(t, url+"/apps/gateway")
	shows(t, page, "up, autoscaled from 2 to 6")
	_, page = get(t, url+"/apps/mailer")
	shows(t, page, "failed")
	_, page = get(t, url+"/apps/blog")
	shows(t, page, "maintenance")
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for name, test := range map[string]struct {
		fault deistest.Fault
		want  []string
	}{
		"a refused token":      {deistest.Fault{Status: 401, Body: `{"detail": "Invalid token."}`}, []string{"The Controller refused the token.", "Restart the dashboard with a valid one"}},
		"no connection":        {deistest.Fault{Drop: true}, []string{"The Controller does not respond.", "Check that it is running"}},
		"a sign-in page":       {deistest.Fault{Status: 200, Proxy: true, ContentType: "text/html", Body: "<html>sign in</html>"}, []string{"Something other than the Controller responded", "sign-in page"}},
		"a gateway":            {deistest.Fault{Status: 502, Proxy: true}, []string{"Something other than the Controller responded", "gateway"}},
		"too many requests":    {deistest.Fault{Status: 429}, []string{"got too many requests", "-requests"}},
		"a failing Controller": {deistest.Fault{Path: "/apps", Status: 500}, []string{"has a temporary problem"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, version.V2_2, true)
			s.warm(t)
			s.Controller.AddFault(test.fault)
			require.Eventually(t, func() bool { return s.reader.Look().Trouble != nil }, 30*time.Second, 20*time.Millisecond)
			response, page := get(t, s.url+"/")
			assert.Equal(t, http.StatusOK, response.StatusCode)
			shows(t, page, test.want...)
			shows(t, page, "The data shown was read", "Next attempt", `class="stale"`, `<a href="/apps/shop">shop</a>`, `<span class="state good">running</span>`)
			response, page = get(t, s.url+"/apps/shop")
			assert.Equal(t, http.StatusOK, response.StatusCode)
			shows(t, page, test.want[0], "2 of 2 pods up")
		})
	}
}

func TestAWriteThatMayHaveBeenCarriedOutSaysSo(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		s.Controller.AddFault(deistest.Fault{Method: http.MethodPost, Drop: true, After: true})
		for path, fields := range map[string][]string{"restart": {"type", "web"}, "scale": {"type", "web", "count", "3", "from", "2"}, "rollback": {"to", "2", "from", "4"}} {
			response, page := send(t, form(t, s.url+"/apps/shop/"+path, fields...))
			assert.Equal(t, http.StatusBadGateway, response.StatusCode, path)
			shows(t, page, "The change may have been made anyway: check the app before you repeat it.")
		}
	})
}

func TestReadOnlyChangesNothing(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, false)
		before := len(s.Controller.Requests())
		_, page := get(t, s.url+"/apps/shop")
		lacks(t, page, "Scale…", "Roll back", "Restart", "Turn ")
		for path, fields := range map[string][]string{"/apps/shop/scale": {"type", "web", "count", "9", "from", "2"}, "/apps/shop/rollback": {"to", "2", "from", "4"},
			"/apps/shop/restart": {"all", "true"}, "/apps/shop/settings": {"name", "routable", "on", "false"}} {
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
	s.warm(t)
	before := len(s.Controller.Requests())
	for name, header := range map[string][]string{
		"from another site":                         {"Sec-Fetch-Site", "cross-site"},
		"from another port":                         {"Sec-Fetch-Site", "same-site"},
		"from another origin, by an old browser":    {"Sec-Fetch-Site", "", "Origin", "https://evil.example.com"},
		"from a page without origin, by an old one": {"Sec-Fetch-Site", "", "Origin", "null"},
		"by a script of another site":               {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"},
		"from the same host with another port":      {"Sec-Fetch-Site", "", "Origin", "http://127.0.0.1:1"},
	} {
		for _, path := range []string{"/apps/shop/scale", "/apps/shop/rollback", "/apps/shop/restart", "/apps/shop/settings", "/apps/shop/config"} {
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

func TestOnlyItsOwnHostNamesAreServed(t *testing.T) {
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
				got = 200 // it was served
			}
			assert.Equal(t, want, got, host)
		}
	}
	assert.Len(t, s.Controller.Requests(), before)
}

func TestEveryResponseHasSecurityHeaders(t *testing.T) {
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
			assert.NotRegexp(t, `<script(>| [^>]*[^r]>)|<style|style=| on[a-z]+=|<(img|link)[^>]*(src|href)="https?:`, page, "%s: inline or from elsewhere", path)
		}
	}
}

func TestConfigValuesAreHiddenUntilAskedFor(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, false)
		for _, path := range []string{"/", "/apps/shop", "/apps/shop?key=SECRET", "/apps/shop/config?key=SECRET"} {
			_, page := get(t, s.url+path)
			lacks(t, page, "hunter2", "good morning")
		}
		_, page := send(t, form(t, s.url+"/apps/shop/config?key=GREETING")) // only the body of a form counts
		lacks(t, page, "good morning")

		response, page := send(t, form(t, s.url+"/apps/shop/config", "key", "SECRET"))
		assert.Equal(t, http.StatusOK, response.StatusCode)
		assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
		shows(t, page, "&lt;hunter2&gt;")
		lacks(t, page, "good morning")
		assert.NotContains(t, s.logs.String(), "hunter2")
		assert.Contains(t, s.logs.String(), `msg="showed a config value" app=shop key=SECRET`)

		response, _ = send(t, form(t, s.url+"/apps/shop/config"))
		assert.Equal(t, "/apps/shop#config", response.Header.Get("Location"))
	})
}

func TestTheTokenIsNeverShown(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
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
				"/apps/shop/config": {"key", "GREETING"}, "/apps/shop/scale": {"type", "web", "count", "1", "from", "2"}, "/apps/shop/rollback": {"to", "2", "from", "4"},
			} {
				_, page := send(t, form(t, s.url+path, fields...))
				lacks(t, page, s.Token)
			}
		}
		look()
		// A proxy echoes what it was sent.
		s.Controller.AddFault(deistest.Fault{Status: 502, Proxy: true, ContentType: "text/plain", Body: "bad gateway: Authorization: token " + s.Token})
		look()
		assert.NotEmpty(t, s.logs.String())
		assert.NotContains(t, s.logs.String(), s.Token)
	})
}

func TestTheControllerGoesAwayAndComesBack(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		_, page := get(t, s.url+"/apps/shop")
		shows(t, page, "2 of 2 pods up")
		s.warm(t)
		s.Controller.AddFault(deistest.Fault{Drop: true})
		require.Eventually(t, func() bool { return s.reader.Look().Trouble != nil }, 30*time.Second, 20*time.Millisecond)
		response, page := get(t, s.url+"/apps/shop")
		assert.Equal(t, http.StatusOK, response.StatusCode)
		shows(t, page, "The Controller does not respond.", "2 of 2 pods up", "deployed 060da68", "GREETING")
		response, page = get(t, s.url+"/apps/other")
		assert.Equal(t, http.StatusBadGateway, response.StatusCode)
		shows(t, page, "The Controller does not respond.", `data-refresh="1000"`, `content="10"`)
		s.Controller.ClearFaults()
		require.Eventually(t, func() bool { return s.reader.Look().Trouble == nil }, 30*time.Second, 20*time.Millisecond)
		_, page = get(t, s.url+"/apps/shop")
		lacks(t, page, "The Controller does not respond")
		logged := s.logs.String()
		assert.Equal(t, 1, strings.Count(logged, "nothing can be read from the Controller"), logged)
		assert.Equal(t, 1, strings.Count(logged, "the Controller responds again"), logged)
	})
}

func TestAControllerThatIsNotThereYetIsFoundLater(t *testing.T) {
	t.Parallel()
	controller := deistest.New(deistest.WithApp("shop", ""), deistest.WithFault(deistest.Fault{Drop: true}))
	client, err := deis.New("http://controller.invalid", deis.WithToken(controller.Token()),
		deis.WithTransport(controller.Transport()), deis.WithRetry(deis.RetryPolicy{}))
	require.NoError(t, err)
	d, address := serve(t, client, controller.Transport(), false, time.Second, io.Discard, nil)
	require.Eventually(t, func() bool { return d.reader.Look().Trouble != nil }, 10*time.Second, 10*time.Millisecond)
	_, page := get(t, address+"/")
	shows(t, page, "The Controller does not respond.", "Reading the apps…")
	controller.ClearFaults()
	d.warm(t)
	_, page = get(t, address+"/")
	shows(t, page, `<a href="/apps/shop">`)
}

func TestAPartThatCannotBeReadSaysSoInItsPlace(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, true)
		for _, path := range []string{"pods", "containers", "logs", "domains", "config"} {
			s.Controller.AddFault(deistest.Fault{Path: "/apps/*/" + path, Status: 500, Body: `{"detail": "out of ` + path + `"}`})
		}
		s.warm(t)
		response, page := get(t, s.url+"/apps/shop")
		assert.Equal(t, http.StatusOK, response.StatusCode)
		shows(t, page, "out of logs", "out of domains", "out of config", `<span class="state unknown">not readable</span>`, "deployed 060da68")
		response, page = get(t, s.url+"/")
		assert.Equal(t, http.StatusOK, response.StatusCode)
		shows(t, page, "500 Internal Server Error: out of ", `<a href="/apps/shop">`, "1 unknown")
		lacks(t, page, "all is well")
	})
}

// nextEvent reads one server-sent event. It skips lines that only set the time before a reconnect.
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

func TestALineThatArrivesLaterIsShown(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
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
		for _, line := range [][2]string{
			{"the first line", "the first line"},
			{"</script><script>alert(1)</script>", "</script><script>alert(1)</script>"},
			{"a carriage return\revent: problem\rdata: \"forged\"\r\r", `a carriage return\x0devent: problem\x0ddata: "forged"`},
			{"\x1b[31mred\x1b[0m \u2028 and after", `red \u2028 and after`},
			{"user \u202eadmin\u202c \x07 \x1b]0;title", `user \u202eadmin\u202c \x07 \x1b]0;title`},
		} {
			sent, want := line[0], line[1]
			if sent != "the first line" {
				require.NoError(t, s.Controller.AddLog("shop", sent))
			}
			event, data := nextEvent(t, stream)
			assert.Equal(t, "line", event)
			var line logLine
			require.NoError(t, json.Unmarshal([]byte(data), &line))
			assert.Equal(t, want, line.Text)
		}
		// The stream ends with the browser that reads it.
		leave()
		assert.Equal(t, "/apps/shop/logs", <-s.ended)
	})
}

func TestAStreamSaysWhatWentWrongAndEnds(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		s := start(t, api, false)
		response, err := http.Get(s.url + "/apps/shop/logs")
		require.NoError(t, err)
		defer response.Body.Close()
		stream := bufio.NewReader(response.Body)
		event, _ := nextEvent(t, stream)
		assert.Equal(t, "line", event)
		require.NoError(t, s.client.Apps.Delete(t.Context(), "shop"))
		var data string
		for event == "line" {
			event, data = nextEvent(t, stream)
		}
		assert.Equal(t, "problem", event)
		assert.Contains(t, data, "There is no app named shop.")
		assert.Contains(t, data, "deis: GET /v")
		_, err = stream.ReadByte()
		assert.ErrorIs(t, err, io.EOF)
	})
}

// The Controller responds with markup everywhere.
func TestHostileTextStaysText(t *testing.T) {
	t.Parallel()
	const hostile = `\"><script src=//evil.example.com></script><img src=x onerror=alert(1)>'`
	responses := map[string]string{
		"/v2/apps/":              `{"count": 1, "results": [{"id": "shop", "uuid": "1", "owner": "H", "structure": {"H": 1}, "created": "2026-01-01T00:00:00Z"}]}`,
		"/v2/apps/shop/":         `{"id": "shop", "uuid": "1", "owner": "H", "url": "H", "structure": {"H": 1}}`,
		"/v2/apps/shop/pods/":    `{"count": 1, "results": [{"name": "H", "type": "H", "state": "H", "release": "H"}]}`,
		"/v2/apps/shop/releases": `{"count": 2, "results": [{"version": 2, "owner": "H", "summary": "H", "build": "H"}, {"version": 1, "owner": "H", "summary": "H", "build": "H"}]}`,
		"/v2/apps/shop/config/":  `{"values": {"H": "H"}}`,
		"/v2/apps/shop/domains/": `{"count": 1, "results": [{"domain": "H", "owner": "H"}]}`,
		"/v2/apps/shop/builds/":  `{"count": 1, "results": [{"procfile": {"H": "H"}}]}`,
		"/v2/apps/shop/logs":     `"2026-01-02T15:04:05UTC shop[web.1]: H\nH"`,
	}
	controller := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(version.Header, "2.2")
		for path, response := range responses {
			if strings.Trim(path, "/") == strings.Trim(r.URL.Path, "/") {
				io.WriteString(w, strings.ReplaceAll(response, "H", hostile))
				return
			}
		}
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"detail": "`+hostile+`"}`)
	}))
	t.Cleanup(controller.Close)
	client, err := deis.New(controller.URL, deis.WithToken("t0ken"), deis.WithRetry(deis.RetryPolicy{}))
	require.NoError(t, err)
	_, address := serve(t, client, http.DefaultTransport, true, time.Second, io.Discard, nil)
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
