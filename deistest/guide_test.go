package deistest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// The code in docs/testing.md, as tests. TestTheGuideShowsCodeThatIsTested checks that the guide shows it unchanged.

// deployImage deploys an image. If it fails, its error says whether the image may have been deployed anyway.
func deployImage(ctx context.Context, client *deis.Client, app, image string) error {
	_, err := client.Builds.Create(ctx, app, builds.CreateParams{Image: image})
	var failed *deis.Error
	if errors.As(err, &failed) && failed.MayHaveActed() {
		return fmt.Errorf("%s may have been deployed, check before you repeat it: %w", image, err)
	}
	return err
}

func TestDeployImage(t *testing.T) {
	for _, api := range []version.API{version.V1_6, version.V2_2, version.V2_3} {
		t.Run(api.String(), func(t *testing.T) {
			server := deistest.Start(t, deistest.WithAPIVersion(api), deistest.WithApp("example-go", ""))
			client, err := deis.New(server.URL, deis.WithToken(server.Token))
			require.NoError(t, err)

			require.NoError(t, deployImage(t.Context(), client, "example-go", "acme/example-go:v2"))

			requests := server.Requests()
			last := requests[len(requests)-1]
			assert.Equal(t, fmt.Sprintf("POST /v%d/apps/example-go/builds/", api.Major), last.String())
			assert.JSONEq(t, `{"image": "acme/example-go:v2"}`, last.Body)
			assert.Equal(t, http.StatusCreated, last.Status)
		})
	}
}

func TestDeployImageDoesNotRepeatADeployThatMayHaveLanded(t *testing.T) {
	for name, fault := range map[string]deistest.Fault{
		"the Controller's 503":                      {Status: 503, Body: `{"detail": "the scheduler is down"}`},
		"a connection that drops before the deploy": {Drop: true},
		"a connection that drops after the deploy":  {Drop: true, After: true},
		"a gateway's page":                          {Status: 502, Body: "<h1>502</h1>", ContentType: "text/html", Proxy: true},
		"a gateway that gives up on the deploy":     {Status: 504, Proxy: true, Late: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			server := deistest.Start(t, deistest.WithApp("example-go", ""))
			client, err := deis.New(server.URL, deis.WithToken(server.Token))
			require.NoError(t, err)
			fault.Method, fault.Path = "POST", "/apps/*/builds/"
			server.AddFault(fault)

			err = deployImage(t.Context(), client, "example-go", "acme/example-go:v2")

			assert.ErrorContains(t, err, "acme/example-go:v2 may have been deployed")
			assert.Equal(t, fault.Proxy, errors.Is(err, deis.ErrNotController))
			deploys := 0
			for _, r := range server.Requests() {
				if r.Method == "POST" {
					deploys++
				}
			}
			assert.Equal(t, 1, deploys)
			assert.Empty(t, server.Unmet())
		})
	}
}

func TestDeployThatLandsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		controller := deistest.New(deistest.WithApp("example-go", ""))
		client, err := deis.New("http://deis.test", deis.WithToken(controller.Token()),
			deis.WithTransport(controller.Transport()))
		require.NoError(t, err)
		controller.AddFault(deistest.Fault{
			Method: "POST", Path: "/apps/*/builds/", Status: 504, Proxy: true, Late: time.Minute, Times: 1})

		err = deployImage(t.Context(), client, "example-go", "acme/example-go:v2")
		require.ErrorIs(t, err, deis.ErrNotController)
		current, err := client.Releases.Current(t.Context(), "example-go")
		require.NoError(t, err)
		assert.Equal(t, 1, current.Version)

		time.Sleep(time.Minute) // takes no time in a synctest bubble
		synctest.Wait()
		current, err = client.Releases.Current(t.Context(), "example-go")
		require.NoError(t, err)
		assert.Equal(t, 2, current.Version)
		assert.Empty(t, controller.Unmet())
	})
}

func TestWithAMock(t *testing.T) {
	mock := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("DEIS_API_VERSION", "2.2") // in every response, as a Controller sends it
		switch r.Method + " " + r.URL.Path {
		case "GET /v2/": // the version probe: only the header matters
			w.WriteHeader(http.StatusUnauthorized)
		case "GET /v2/apps/example-go/":
			fmt.Fprint(w, `{"id": "example-go", "uuid": "de1bf5b5-4a72-4f94-a10c-d2a3741cdf75", "owner": "admin",
				"structure": {"web": 1}, "created": "2026-01-02T15:04:05Z", "updated": "2026-01-02T15:04:05Z"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"detail": "Not found."}`)
		}
	}))
	defer mock.Close()
	client, err := deis.New(mock.URL, deis.WithToken("token"))
	require.NoError(t, err)

	app, err := client.Apps.Get(t.Context(), "example-go")
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"web": 1}, app.Structure)
	_, err = client.Apps.Get(t.Context(), "another")
	assert.ErrorIs(t, err, deis.ErrNotFound)
}
