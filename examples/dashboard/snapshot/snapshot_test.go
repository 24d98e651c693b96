package snapshot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

// A company is a Controller with some apps of one web pod each, and a running Reader. Tests use it in a synctest bubble.
type company struct {
	*deistest.Controller
	client *deis.Client // without a budget
	reader *Reader
	told   []error // what Options.Trouble was called with
}

func start(t *testing.T, api version.API, n int, perSecond float64) *company {
	t.Helper()
	c := &company{Controller: deistest.New(deistest.WithAPIVersion(api))}
	client := func(transport http.RoundTripper) *deis.Client {
		client, err := deis.New("http://controller.invalid", deis.WithToken(c.Token()), deis.WithTransport(transport), deis.WithRetry(deis.RetryPolicy{}))
		require.NoError(t, err)
		return client
	}
	c.client = client(c.Transport())
	for i := range n {
		c.deploy(t, fmt.Sprintf("app-%03d", i))
	}
	c.reader = NewReader(client(NewBudget(perSecond).Transport(c.Transport())), Options{Trouble: func(err error) { c.told = append(c.told, err) }})
	go c.reader.Run(t.Context())
	return c
}

func (c *company) deploy(t *testing.T, id string) {
	t.Helper()
	_, err := c.client.Apps.Create(t.Context(), apps.CreateParams{ID: id})
	require.NoError(t, err)
	_, err = c.client.Builds.Create(t.Context(), id, builds.CreateParams{Image: "acme/" + id, SHA: "060da68", Procfile: map[string]string{"web": "run"}})
	require.NoError(t, err)
}

// watch looks as open pages do, each every five seconds, and returns how many requests were made.
func (c *company) watch(pages int, d time.Duration) int {
	before := len(c.Requests())
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Second) {
		for range pages {
			c.reader.Look()
		}
	}
	return len(c.Requests()) - before
}

func inEachVersion(t *testing.T, test func(*testing.T, version.API)) {
	for _, api := range []version.API{version.V1_6, version.V2_2, version.V2_3} {
		t.Run(api.String(), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { test(t, api) }) })
	}
}

func TestNothingIsReadUntilSomebodyLooks(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		c := start(t, api, 3, 2)
		before := len(c.Requests())
		time.Sleep(time.Hour)
		assert.Len(t, c.Requests(), before)
		assert.Empty(t, c.reader.Look().Apps)
		time.Sleep(time.Minute)
		look := c.reader.Look()
		require.Len(t, look.Apps, 3)
		assert.True(t, look.Complete())
		for _, app := range look.Apps {
			assert.Len(t, app.Pods, 1, app.ID)
			assert.Equal(t, 2, app.Release.Version, app.ID)
			assert.NoError(t, app.Err)
		}
		time.Sleep(3 * time.Minute) // nobody looks any more
		before = len(c.Requests())
		time.Sleep(time.Hour)
		assert.Len(t, c.Requests(), before)
	})
}

func TestFiftyViewersCostTheSameAsOne(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		c := start(t, api, 40, 2)
		c.watch(1, 3*time.Minute)
		one, fifty := c.watch(1, 10*time.Minute), c.watch(50, 10*time.Minute)
		assert.InDelta(t, one, fifty, float64(one)/20)
	})
}

func TestTheBudgetIsNeverExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, version.V2_2, 40, 2)
		assert.LessOrEqual(t, c.watch(1, time.Minute), 2*60+Burst+1, "the first minute may use the saved requests")
		total, began := len(c.Requests()), time.Now()
		for range 200 {
			assert.NoError(t, c.reader.Refresh(t.Context(), "app-001"))
		}
		assert.LessOrEqual(t, float64(len(c.Requests())-total), 2*time.Since(began).Seconds()+Burst+1)
	})
}

func TestAnUrgentReadUsesSavedRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, version.V2_2, 1, 0.1)
		time.Sleep(time.Hour)
		began := time.Now()
		require.NoError(t, c.reader.Refresh(t.Context(), "app-000"))
		assert.Zero(t, time.Since(began))
		look := c.reader.Look()
		require.Len(t, look.Apps, 1)
		assert.Len(t, look.Apps[0].Pods, 1)
	})
}

func TestABudgetMustBePositive(t *testing.T) {
	assert.Panics(t, func() { NewBudget(0) })
}

func TestARequestThatWaitsForTheBudgetEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := deistest.New()
		transport := NewBudget(0.1).Transport(c.Transport())
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // less than the ten that the second must wait
		defer cancel()
		for _, fails := range []bool{false, true} {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://controller.invalid/v2/", strings.NewReader("{}"))
			require.NoError(t, err)
			response, err := transport.RoundTrip(request)
			if fails {
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			} else {
				require.NoError(t, err)
				response.Body.Close()
			}
		}
		assert.Len(t, c.Requests(), 1)
	})
}

func TestTheSnapshotStaysWhileTheControllerIsAway(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		c := start(t, api, 3, 2)
		c.watch(1, time.Minute)
		c.AddFault(deistest.Fault{Drop: true})
		lost := time.Now()
		requests := c.watch(1, 10*time.Minute)
		look := c.reader.Look()
		require.NotNil(t, look.Trouble)
		var failed *deis.Error
		require.ErrorAs(t, look.Trouble.Err, &failed)
		assert.WithinDuration(t, lost, look.Trouble.Since, 15*time.Second)
		assert.WithinRange(t, look.Trouble.Next, time.Now().Add(-time.Second), time.Now().Add(longestPause))
		assert.Less(t, requests, 40, "it backs off")
		require.Len(t, look.Apps, 3)
		for _, app := range look.Apps {
			assert.Len(t, app.Pods, 1)
			assert.NoError(t, app.Err, "the Controller said nothing about the app")
		}
		assert.True(t, look.Oldest().Before(lost))

		c.ClearFaults()
		c.watch(1, 2*time.Minute)
		look = c.reader.Look()
		assert.Nil(t, look.Trouble)
		assert.True(t, look.Oldest().After(lost))
		require.Len(t, c.told, 2)
		assert.Error(t, c.told[0])
		assert.NoError(t, c.told[1])
	})
}

func TestAnErrorThatIsNotAboutOneAppIsTroubleForAll(t *testing.T) {
	for name, fault := range map[string]deistest.Fault{
		"a gateway":       {Status: 502, Proxy: true, Body: "<html>bad gateway</html>", ContentType: "text/html"},
		"a sign-in page":  {Status: 200, Proxy: true, Body: "<html>sign in</html>", ContentType: "text/html"},
		"a foreign 404":   {Status: 404, Proxy: true, Body: "not found", ContentType: "text/plain"},
		"a refused token": {Status: 401, Body: `{"detail": "Invalid token."}`},
		"no response":     {Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := start(t, version.V2_2, 3, 2)
				c.watch(1, time.Minute)
				c.AddFault(fault)
				c.watch(1, 5*time.Minute)
				look := c.reader.Look()
				assert.NotNil(t, look.Trouble)
				require.Len(t, look.Apps, 3)
				for _, app := range look.Apps {
					assert.NoError(t, app.Err)
					assert.Len(t, app.Pods, 1)
				}
				require.Empty(t, c.Unmet())
			})
		})
	}
}

func TestAnAppThatNeverRespondsDoesNotHideTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, version.V2_2, 3, 2)
		c.AddFault(deistest.Fault{Path: "/apps/app-001/pods", Hang: true})
		c.watch(1, 5*time.Minute)
		look := c.reader.Look()
		for _, app := range look.Apps {
			if app.ID == "app-001" {
				assert.Error(t, app.Err)
			} else {
				assert.NoError(t, app.Err)
				assert.Less(t, time.Since(app.Read), 2*time.Minute)
			}
		}
	})
}

func TestAnErrorOfTheListIsTroubleForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, version.V2_2, 3, 2)
		c.AddFault(deistest.Fault{Path: "/apps", Status: 500, Body: `{"detail": "no database"}`})
		requests := c.watch(1, 5*time.Minute)
		look := c.reader.Look()
		require.NotNil(t, look.Trouble)
		assert.ErrorContains(t, look.Trouble.Err, "no database")
		assert.Less(t, requests, 40)
	})
}

func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, version.V2_2, 3, 2)
		c.watch(1, time.Minute)
		c.AddFault(deistest.Fault{Status: 429, Header: map[string]string{"Retry-After": "300"}, Times: 1})
		c.watch(1, 20*time.Second)
		assert.Zero(t, c.watch(1, 4*time.Minute))
		c.watch(1, 2*time.Minute)
		assert.Nil(t, c.reader.Look().Trouble)
	})
}

func TestAnAppThatCannotBeReadDoesNotHideTheOthers(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		c := start(t, api, 5, 2)
		for _, path := range []string{"pods", "containers"} {
			c.AddFault(deistest.Fault{Path: "/apps/app-001/" + path, Status: 500, Body: `{"detail": "out of order"}`})
		}
		c.watch(1, 2*time.Minute)
		look := c.reader.Look()
		assert.Nil(t, look.Trouble)
		require.Len(t, look.Apps, 5)
		for _, app := range look.Apps {
			if app.ID == "app-001" {
				assert.ErrorContains(t, app.Err, "out of order")
				continue
			}
			assert.NoError(t, app.Err)
			assert.Len(t, app.Pods, 1)
		}
	})
}

func TestARefreshShowsAChangeAtOnce(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		c := start(t, api, 2, 2)
		c.watch(1, time.Minute)
		require.NoError(t, c.client.Pods.Scale(t.Context(), "app-000", map[string]int{"web": 3}))
		require.NoError(t, c.reader.Refresh(t.Context(), "app-000"))
		app, found := c.reader.Look().App("app-000")
		require.True(t, found)
		assert.Len(t, app.Pods, 3)
		assert.Equal(t, 3, app.Structure["web"])

		c.deploy(t, "new")
		require.NoError(t, c.reader.Refresh(t.Context(), "new"))
		_, found = c.reader.Look().App("new")
		assert.True(t, found)

		require.NoError(t, c.client.Apps.Delete(t.Context(), "new"))
		assert.ErrorIs(t, c.reader.Refresh(t.Context(), "new"), deis.ErrNotFound)
		_, found = c.reader.Look().App("new")
		assert.False(t, found)
		assert.ErrorIs(t, c.reader.Refresh(t.Context(), "not/an/app"), deis.ErrInvalidArgument)
		assert.Len(t, c.reader.Look().Apps, 2)
	})
}

func TestASlowReadingDoesNotUndoAFasterOne(t *testing.T) {
	early, late := time.Now(), time.Now().Add(time.Second)
	failed := &releases.Release{Version: 5, Failed: true}
	three := reading{app: &apps.App{ID: "shop", Structure: map[string]int{"web": 3}}, pods: make([]pods.Pod, 3), thorough: true}
	two := reading{pods: make([]pods.Pod, 2)}
	for name, order := range map[string]func(*App){
		"the thorough one ends first": func(a *App) { a.merge(three, nil, early); a.merge(two, nil, late) },
		"the thorough one ends last":  func(a *App) { a.merge(two, nil, late); a.merge(three, nil, early) },
	} {
		app := App{Failed: failed}
		order(&app)
		assert.Equal(t, 3, app.Structure["web"], name)
		assert.Nil(t, app.Failed, name)
		assert.Len(t, app.Pods, 2, name)
		assert.Equal(t, late, app.Read, name)
	}
	app := App{}
	app.merge(two, nil, late)
	app.merge(reading{}, errors.New("out of order"), early)
	assert.NoError(t, app.Err)
}

func TestAppsThatComeAndGoAreNoticed(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		c := start(t, api, 2, 2)
		c.watch(1, time.Minute)
		c.deploy(t, "another")
		require.NoError(t, c.client.Apps.Delete(t.Context(), "app-000"))
		c.watch(1, time.Minute)
		var ids []string
		for _, app := range c.reader.Look().Apps {
			ids = append(ids, app.ID)
			assert.Len(t, app.Pods, 1)
		}
		assert.Equal(t, []string{"another", "app-001"}, ids)
	})
}

func TestALongListIsReadInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, version.V2_2, 120, 10)
		c.watch(1, 2*time.Minute)
		look := c.reader.Look()
		assert.Len(t, look.Apps, 120)
		assert.True(t, look.Complete())
		assert.GreaterOrEqual(t, look.Rounds, 2)
	})
}

func TestSettingsAndAFailedReleaseAreKnownInAPI23(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, version.V2_3, 1, 2)
		on := true
		_, err := c.client.Settings.Set(t.Context(), "app-000", settings.Changes{Maintenance: &on})
		require.NoError(t, err)
		_, err = c.client.Builds.Create(t.Context(), "app-000", builds.CreateParams{Image: "acme/missing:1", Procfile: map[string]string{"web": "run"}})
		require.Error(t, err)
		c.watch(1, time.Minute)
		app, found := c.reader.Look().App("app-000")
		require.True(t, found)
		assert.True(t, app.Setting.Maintenance)
		assert.Equal(t, 2, app.Release.Version, "the app runs the release before")
		require.NotNil(t, app.Failed)
		assert.Equal(t, 3, app.Failed.Version)
	})
}

func TestACrashIsSeenInTheNextRound(t *testing.T) {
	inEachVersion(t, func(t *testing.T, api version.API) {
		c := start(t, api, 3, 2)
		c.watch(1, time.Minute)
		require.NoError(t, c.CrashPod("app-001", "web.1"))
		c.watch(1, 30*time.Second)
		app, _ := c.reader.Look().App("app-001")
		require.Len(t, app.Pods, 1)
		assert.Equal(t, pods.StateCrashed, app.Pods[0].State)
	})
}
