package deistest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

func TestTheFirstUserToRegisterBecomesAdministrator(t *testing.T) {
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		assert.Empty(t, c.Token())
		status, body := call(t, c, "", "POST", prefix(c.APIVersion())+"/auth/register/",
			`{"username": "first", "password": "pw", "email": "first@example.com"}`)
		assert.Equal(t, http.StatusCreated, status)
		assert.Contains(t, body, `"is_superuser":true`)
		status, body = call(t, c, "", "POST", prefix(c.APIVersion())+"/auth/register/",
			`{"username": "second", "password": "pw", "email": "second@example.com"}`)
		assert.Equal(t, http.StatusCreated, status)
		assert.Contains(t, body, `"is_superuser":false`)
	}, deistest.WithoutAdmin())
}

func TestServerCredentialsAreTheAdministrators(t *testing.T) {
	server := deistest.NewServer(deistest.WithAdmin("root", "secret"))
	defer server.Close()
	resp, err := http.Post(server.URL+"/v2/auth/login/", "application/json",
		strings.NewReader(fmt.Sprintf(`{"username": %q, "password": %q}`, server.Username, server.Password)))
	require.NoError(t, err)
	defer resp.Body.Close()
	var login struct{ Token string }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&login))
	assert.Equal(t, server.Token, login.Token)
	assert.Equal(t, "root", server.Username)
}

func TestTwoUsersOfTheSameNamePanic(t *testing.T) {
	assert.Panics(t, func() { deistest.New(deistest.WithUser("admin", "pw")) })
}

func TestStartClosesTheServerWhenTheTestEnds(t *testing.T) {
	var server *deistest.Server
	t.Run("test", func(t *testing.T) {
		server = deistest.Start(t, deistest.WithToken("0123abcd"))
		assert.Equal(t, "0123abcd", server.Token)
		assert.Equal(t, "200 {}", do(server.Client(), "0123abcd", "GET", server.URL+"/v2/", ""))
	})
	assert.Contains(t, do(http.DefaultClient, "0123abcd", "GET", server.URL+"/v2/", ""), "refused")
}

// fakeTest is a deistest.TB that records its failure.
type fakeTest struct{ failure string }

func (*fakeTest) Helper()        {}
func (*fakeTest) Cleanup(func()) {}
func (f *fakeTest) Fatalf(format string, args ...any) {
	f.failure = fmt.Sprintf(format, args...)
}

func TestStartFailsTheTestIfOptionsContradictEachOther(t *testing.T) {
	for want, option := range map[string]deistest.Option{
		`two users have the name "admin"`:           deistest.WithUser("admin", "pw"),
		`create the app "web" of the user "nobody"`: deistest.WithApp("web", "nobody"),
		`create the app "Web" of the user "": 400`:  deistest.WithApp("Web", ""),
		"Application with this id already exists":   deistest.WithApp("taken", ""),
	} {
		var test fakeTest
		assert.Nil(t, deistest.Start(&test, deistest.WithApp("taken", ""), option))
		assert.Contains(t, test.failure, want)
	}
}

func TestWithAppCreatesAppsAtTheStart(t *testing.T) {
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		runSteps(t, c, []step{
			{request: `GET /apps/web/`, status: 200, contains: `"owner":"admin"`},
			{as: "alice", request: `GET /apps/`, status: 200, contains: `"count":1`},
			{as: "alice", request: `GET /apps/blog/releases/v1/`, status: 200, contains: `"summary":"alice created initial release"`},
		})
		assert.Len(t, c.Requests(), 3, "only requests of clients count")
	}, deistest.WithUser("alice", "pw"), deistest.WithApp("web", ""), deistest.WithApp("blog", "alice"))
}

func TestTagsMustAllBelongToOneNode(t *testing.T) {
	for _, opts := range [][]deistest.Option{api22, early23, late23} {
		c := deistest.New(append([]deistest.Option{deistest.WithApp("example-go", ""),
			deistest.WithNodeLabels(map[string]string{"rack": "1", "disk": "ssd"}),
			deistest.WithNodeLabels(map[string]string{"rack": "2"})}, opts...)...)
		runSteps(t, c, []step{
			{request: `POST /apps/example-go/config/ {"tags": {"rack": "2"}}`, status: 201},
			{request: `POST /apps/example-go/config/ {"tags": {"disk": "ssd"}}`, status: 400, contains: `{"detail":"No nodes matched ` +
				`the provided labels: disk=ssd, rack=2 - Addition of disk=ssd is the cause"}`},
			{request: `POST /apps/example-go/config/ {"tags": {"rack": "1", "disk": "ssd"}}`, status: 201},
		})
	}
	c := deistest.New(deistest.WithApp("example-go", ""))
	runSteps(t, c, []step{{request: `POST /apps/example-go/config/ {"tags": {"any": "node"}}`, status: 201}})
}

func TestWithTLSServesHTTPS(t *testing.T) {
	server := deistest.Start(t, deistest.WithTLS())
	assert.True(t, strings.HasPrefix(server.URL, "https://127.0.0.1:"), server.URL)
	assert.Equal(t, "200 {}", do(server.Client(), server.Token, "GET", server.URL+"/v2/", ""))
	assert.Contains(t, do(http.DefaultClient, server.Token, "GET", server.URL+"/v2/", ""), "x509")
	assert.NotNil(t, server.Certificate())
	assert.Nil(t, deistest.Start(t).Certificate())
}

func TestHelpersRejectUnknownAppsAndUsers(t *testing.T) {
	c := deistest.New()
	assert.Error(t, c.AddLog("nosuch", "line"))
	assert.Error(t, c.ClearLogs("nosuch"))
	assert.Empty(t, c.TokenOf("nobody"))
}

func TestLogFormats(t *testing.T) {
	for api, want := range map[version.API]string{
		version.V1_6: `"a \"quoted\" line\n☃ <b>\n"`,
		version.V2_2: `b'a "quoted" line\n\xe2\x98\x83 <b>\n'`,
	} {
		c := deistest.New(deistest.WithAPIVersion(api))
		runSteps(t, c, []step{{request: `POST /apps/ {"id": "example-go"}`, status: 201}})
		require.NoError(t, c.ClearLogs("example-go"))
		runSteps(t, c, []step{{request: `GET /apps/example-go/logs/`, status: 204}})
		require.NoError(t, c.AddLog("example-go", "one"))
		require.NoError(t, c.AddLog("example-go", `a "quoted" line`))
		require.NoError(t, c.AddLog("example-go", "☃ <b>"))
		_, body := call(t, c, "admin", "GET", prefix(api)+"/apps/example-go/logs/?log_lines=2", "")
		assert.Equal(t, want, body)
	}
}

func TestABodyThatIsNotJSONIsRefused(t *testing.T) {
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		for _, body := range []string{"{", `{"id": }`, `{"id" "x"}`, `[1 2]`, `{} x`, "nope", "{\"id\": \"\xff\xfe\"}"} {
			status, response := call(t, c, "admin", "POST", prefix(c.APIVersion())+"/apps/", body)
			assert.Equal(t, http.StatusBadRequest, status, body)
			assert.JSONEq(t, `{"detail": "JSON parse error - the body is not JSON"}`, response, body)
		}
	})
}

func TestPagesOfThousandsOfApps(t *testing.T) {
	const apps = 2_000
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		for i := range apps {
			call(t, c, "admin", "POST", prefix(c.APIVersion())+"/apps/", fmt.Sprintf(`{"id": "app-%05d"}`, (i*7919)%apps))
		}
		seen := map[string]bool{}
		for url := prefix(c.APIVersion()) + "/apps/"; url != ""; {
			_, body := call(t, c, "admin", "GET", url, "")
			var page struct {
				Count   int
				Next    string
				Results []struct{ ID string }
			}
			require.NoError(t, json.Unmarshal([]byte(body), &page))
			assert.Equal(t, apps, page.Count)
			for _, a := range page.Results {
				seen[a.ID] = true
			}
			url = page.Next
		}
		assert.Len(t, seen, apps)
	})
}

func TestConcurrentUse(t *testing.T) {
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		p := prefix(c.APIVersion())
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				id := fmt.Sprintf("app-%d", i)
				call(t, c, "admin", "POST", p+"/apps/", fmt.Sprintf(`{"id": %q}`, id))
				call(t, c, "admin", "POST", p+"/apps/"+id+"/builds/", `{"image": "a/b:1", "procfile": {"web": "x"}}`)
				call(t, c, "admin", "POST", p+"/apps/"+id+"/scale/", `{"web": 3}`)
				call(t, c, "admin", "GET", p+"/apps/?limit=3", "")
				assert.NoError(t, c.AddLog(id, "line"))
				c.Requests()
				c.AddFault(deistest.Fault{Method: "PUT"})
				status, _ := call(t, c, "admin", "GET", p+"/apps/"+id+"/logs/", "")
				assert.Equal(t, http.StatusOK, status)
			})
		}
		all.Wait()
		_, body := call(t, c, "admin", "GET", p+"/apps/", "")
		assert.Contains(t, body, `"count":16`)
	})
}

// setConcurrently sets n variables of one app at the same time. It returns how many requests got 201, and how many
// variables are set.
func setConcurrently(t *testing.T, c *deistest.Controller, n int) (accepted, set int) {
	p := prefix(c.APIVersion()) + "/apps/example-go/config/"
	statuses := make([]int, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			statuses[i], _ = call(t, c, "admin", "POST", p, fmt.Sprintf(`{"values": {"K%d": "1"}}`, i))
		})
	}
	all.Wait()
	for _, s := range statuses {
		if s == http.StatusCreated {
			accepted++
		} else {
			assert.Equal(t, http.StatusInternalServerError, s)
		}
	}
	_, body := call(t, c, "admin", "GET", p, "")
	var config struct{ Values map[string]string }
	require.NoError(t, json.Unmarshal([]byte(body), &config))
	return accepted, len(config.Values)
}

func TestConcurrentChangesAreLostOnlyWithLostUpdates(t *testing.T) {
	app := []step{{request: `POST /apps/ {"id": "example-go"}`, status: 201}}
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		runSteps(t, c, app)
		accepted, set := setConcurrently(t, c, 8)
		assert.Equal(t, 8, accepted)
		assert.Equal(t, 8, set)
	})
	inBothVersions(t, func(t *testing.T, c *deistest.Controller) {
		synctest.Test(t, func(t *testing.T) {
			runSteps(t, c, app)
			accepted, set := setConcurrently(t, c, 8)
			assert.Less(t, accepted, 8, "some changes collide")
			assert.Less(t, set, accepted, "some accepted changes are lost")
			runSteps(t, c, []step{
				{request: `POST /apps/example-go/config/ {"values": {"X": "1"}}`, status: 201},
				{request: `POST /apps/example-go/config/ {"values": {"Y": "2"}}`, status: 201, contains: `"X":"1"`},
			})
		})
	}, deistest.WithLostUpdates())
}

func TestNextLinksUseTheHostHeader(t *testing.T) {
	c := deistest.New()
	runSteps(t, c, []step{{request: `POST /apps/ {}`, status: 201}, {request: `POST /apps/ {}`, status: 201}})
	r := httptest.NewRequest("GET", "http://deis.example.com/v2/apps?limit=1&x=1", nil)
	r.Header.Set("Authorization", "token "+c.Token())
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	assert.Contains(t, w.Body.String(), `"next":"http://deis.example.com/v2/apps?limit=1&offset=1&x=1"`)
}
