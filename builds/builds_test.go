package builds_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/internal/exchange"
)

func TestCreateSendsTheFieldsThatAreSet(t *testing.T) {
	for situation, c := range map[string]struct {
		params builds.CreateParams
		body   string
	}{
		"an image": {builds.CreateParams{Image: "a/b:1"}, `{"image": "a/b:1"}`},
		"everything": {
			builds.CreateParams{Image: "a/b:1", SHA: "060da68f", Dockerfile: "FROM a/b", Procfile: map[string]string{"web": "./cmd"}},
			`{"image": "a/b:1", "sha": "060da68f", "dockerfile": "FROM a/b", "procfile": {"web": "./cmd"}}`,
		},
		"an empty procfile": {builds.CreateParams{Image: "a/b:1", Procfile: map[string]string{}}, `{"image": "a/b:1"}`},
	} {
		t.Run(situation, func(t *testing.T) {
			client := exchange.Client(t, "2.2", exchange.On("POST /v2/apps/example-go/builds/", c.body, 201, `{"image": "a/b:1"}`))
			_, err := client.Builds.Create(t.Context(), "example-go", c.params)
			require.NoError(t, err)
		})
	}
}

func TestAnInvalidImageIsRefused(t *testing.T) {
	for _, image := range []string{"", " ", "a b", "a/b:1\n"} {
		_, err := exchange.Client(t, "2.2").Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: image})
		assert.ErrorIs(t, err, deis.ErrInvalidArgument, "%q", image)
		assert.ErrorContains(t, err, "image", "%q", image)
	}
}

func TestTheReleaseOfABuildComesFromTheResponseHeader(t *testing.T) {
	request, response := `{"image": "a/b:1"}`, `{"image": "a/b:1"}`
	v1 := exchange.Client(t, "1.6", exchange.On("POST /v1/apps/example-go/builds/", request, 201, response).Header("X-Deis-Release", "4"))
	v2 := exchange.Client(t, "2.2", exchange.On("POST /v2/apps/example-go/builds/", request, 201, response))
	for client, want := range map[*deis.Client]int{v1: 4, v2: 0} {
		var resp deis.Response
		build, err := client.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "a/b:1"}, deis.WithResponse(&resp))
		require.NoError(t, err)
		assert.Equal(t, want, build.Release)
		assert.Equal(t, 201, resp.Status, "the caller's own WithResponse works, too")
	}
}

func TestAFailedDeployIs503InV16And400In2x(t *testing.T) {
	for api, c := range map[string]struct {
		status int
		detail string
		match  error
	}{
		"1.6": {503, "aborting, failed to create some containers: cmd.1", deis.ErrUnavailable},
		"2.2": {400, "(app::deploy): image not found", deis.ErrBadRequest},
	} {
		client := exchange.Client(t, api,
			exchange.On("POST /v"+api[:1]+"/apps/example-go/builds/", `{"image": "a/b:1"}`, c.status, `{"detail": "`+c.detail+`"}`))
		_, err := client.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "a/b:1"})
		assert.ErrorIs(t, err, c.match)
		assert.ErrorContains(t, err, c.detail)
	}
}

func TestOneOddBuildDoesNotMakeAListUnreadable(t *testing.T) {
	client := exchange.Client(t, "2.2", exchange.On("GET /v2/apps/example-go/builds/", "", 200, `{"count": 6, "results": [
		{"uuid": "good", "procfile": {"web": "./cmd"}},
		{"uuid": "list", "procfile": ["web"]},
		{"uuid": "text", "procfile": "web: ./cmd"},
		{"uuid": "numbers", "sha": "060da68", "procfile": {"web": 1, "worker": "./work"}},
		{"uuid": "null", "procfile": null},
		{"uuid": "again", "procfile": {"web": "./cmd"}}
	]}`))
	page, err := client.Builds.List(t.Context(), "example-go", builds.ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, []builds.Build{
		{UUID: "good", Procfile: map[string]string{"web": "./cmd"}},
		{UUID: "list"},
		{UUID: "text"},
		{UUID: "numbers", SHA: "060da68", Procfile: map[string]string{"web": "1", "worker": "./work"}},
		{UUID: "null"},
		{UUID: "again", Procfile: map[string]string{"web": "./cmd"}},
	}, page.Items)
}

func TestOtherFieldsOfABuildMustHaveTheRightType(t *testing.T) {
	for _, build := range []string{`{"image": 5}`, `{"image": 5, "procfile": [1]}`} {
		client := exchange.Client(t, "2.2", exchange.On("POST /v2/apps/example-go/builds/", `{"image": "a/b"}`, 201, build))
		_, err := client.Builds.Create(t.Context(), "example-go", builds.CreateParams{Image: "a/b"})
		assert.Error(t, err, build)
	}
}

func TestGetReturnsOnlyTheRequestedBuild(t *testing.T) { // 2.3 Controllers respond with the latest to every UUID
	const uuid = "c41688f5-76e9-41f5-9d0f-1a693c65ed70"
	get := "GET /v2/apps/example-go/builds/" + uuid + "/"
	found := exchange.Client(t, "2.3", exchange.On(get, "", 200, `{"app": "example-go", "uuid": "`+uuid+`", "image": "a/b:1"}`))
	build, err := found.Builds.Get(t.Context(), "example-go", uuid)
	require.NoError(t, err)
	assert.Equal(t, "a/b:1", build.Image)
	for body, message := range map[string]string{
		`{"app": "example-go", "uuid": "a3674d02-4453-43b7-8c11-80ea8d3d3f43", "image": "a/b:2"}`: "got a3674d02-4453-43b7-8c11-80ea8d3d3f43",
		`{"app":null,"image":"","sha":"","procfile":null,"dockerfile":"","uuid":""}`:              "got none", // nothing was deployed
	} {
		_, err := exchange.Client(t, "2.3", exchange.On(get, "", 200, body)).Builds.Get(t.Context(), "example-go", uuid)
		require.ErrorIs(t, err, builds.ErrNotLatest)
		assert.ErrorContains(t, err, "requested build "+uuid+" of app example-go, "+message)
	}
}

func TestAProcessTypeThatCannotStandInAPathIsRefused(t *testing.T) { // real Controllers before Workflow v2.7 store it, and it can never be scaled
	for _, procType := range []string{"", "my web", "web/1", "web\n", ".."} {
		params := builds.CreateParams{Image: "a/b", Procfile: map[string]string{"web": "./cmd", procType: "./cmd"}}
		_, err := exchange.Client(t, "2.3").Builds.Create(t.Context(), "example-go", params)
		assert.ErrorIs(t, err, deis.ErrInvalidArgument, "%q", procType)
		assert.ErrorContains(t, err, "process type", "%q", procType)
	}
}
