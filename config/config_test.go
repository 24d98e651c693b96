package config_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/internal/exchange"
)

func to(value string) *string { return &value }

func TestSetSendsTheChangesAndNilAsNull(t *testing.T) {
	for situation, c := range map[string]struct {
		changes config.Changes
		body    string
	}{
		"values": {
			config.Changes{Values: map[string]*string{"HELLO": to("world"), "EMPTY": to(""), "OLD": nil}},
			`{"values": {"HELLO": "world", "EMPTY": "", "OLD": null}}`,
		},
		"limits and tags": {
			config.Changes{
				Memory: map[string]*string{"web": to("512M"), "worker": nil},
				CPU:    map[string]*string{"web": to("250m"), "worker": nil},
				Tags:   map[string]*string{"rack": to("2"), "zone": nil},
			},
			`{"memory": {"web": "512M", "worker": null}, "cpu": {"web": "250m", "worker": null}, "tags": {"rack": "2", "zone": null}}`,
		},
		"a request and a limit": {
			config.Changes{Memory: map[string]*string{"web": to("128M/256M")}, CPU: map[string]*string{"web": to("1500m/2000m")}},
			`{"memory": {"web": "128M/256M"}, "cpu": {"web": "1500m/2000m"}}`,
		},
		"the login for a registry": {
			config.Changes{Registry: map[string]*string{"username": to("bob"), "password": nil}},
			`{"registry": {"username": "bob", "password": null}}`,
		},
		"health checks": {
			config.Changes{Healthcheck: map[string]config.Healthcheck{
				"web": {
					config.LivenessProbe:  {HTTPGet: &config.HTTPGet{Path: "/healthz", Port: 5000}, InitialDelaySeconds: 5},
					config.ReadinessProbe: nil,
				},
				"worker": nil,
			}},
			`{"healthcheck": {
				"web": {"livenessProbe": {"httpGet": {"path": "/healthz", "port": 5000}, "initialDelaySeconds": 5}, "readinessProbe": null},
				"worker": null
			}}`,
		},
		"a key that cannot be set can be unset": {
			config.Changes{Values: map[string]*string{"": nil, "MY KEY": nil, "KÉY": nil, "A=B": nil}},
			`{"values": {"": null, "MY KEY": null, "KÉY": null, "A=B": null}}`,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			client := exchange.Client(t, "2.2", exchange.On("POST /v2/apps/example-go/config/", c.body, 201, `{}`))
			_, err := client.Config.Set(t.Context(), "example-go", c.changes)
			require.NoError(t, err)
		})
	}
}

func TestSetValuesAndUnsetChangeOnlyValues(t *testing.T) {
	client := exchange.Client(t, "1.6",
		exchange.On("POST /v1/apps/example-go/config/", `{"values": {"A": "1", "B": ""}}`, 201, `{}`).Header("X-Deis-Release", "3"),
		exchange.On("POST /v1/apps/example-go/config/", `{"values": {"A": null, "B": null}}`, 201, `{}`).Header("X-Deis-Release", "4"),
	)
	set, err := client.Config.SetValues(t.Context(), "example-go", map[string]string{"A": "1", "B": ""})
	require.NoError(t, err)
	assert.Equal(t, 3, set.Release)
	unset, err := client.Config.Unset(t.Context(), "example-go", []string{"A", "B"})
	require.NoError(t, err)
	assert.Equal(t, 4, unset.Release)
}

func TestKeysThatBreakAnAppAreRefused(t *testing.T) { // v1.6 Controllers store them, and fail from then on
	for _, key := range []string{"", " ", "MY KEY", "KÉY", "A=B", "A\nB", "A\tB", "A\x00", "\xff", "日本"} {
		_, err := exchange.Client(t, "2.2").Config.SetValues(t.Context(), "example-go", map[string]string{"GOOD": "1", key: "1"})
		require.ErrorIs(t, err, deis.ErrInvalidArgument, "%q", key)
		assert.ErrorContains(t, err, "invalid argument: config key ")
	}
}

func TestAnInvalidProbeIsRefused(t *testing.T) {
	get, exec, tcp := &config.HTTPGet{Path: "/", Port: 80}, &config.Exec{Command: []string{"true"}}, &config.TCPSocket{Port: 80}
	for message, check := range map[string]config.Healthcheck{
		`health check "liveness" of web must be a livenessProbe or a readinessProbe`: {"liveness": {TCPSocket: tcp}},
		`livenessProbe of web must have one of HTTPGet`:                              {config.LivenessProbe: {}},
		`livenessProbe of web must have one of HTTPGet, Exec and TCPSocket`:          {config.LivenessProbe: {TimeoutSeconds: 5}},
		`readinessProbe of web must have only one of HTTPGet`:                        {config.ReadinessProbe: {HTTPGet: get, TCPSocket: tcp}},
		`readinessProbe of web must have only one of HTTPGet, Exec and TCPSocket`:    {config.ReadinessProbe: {Exec: exec, HTTPGet: get}},
		`livenessProbe of web must have a port`:                                      {config.LivenessProbe: {HTTPGet: &config.HTTPGet{Path: "/"}}},
		`livenessProbe of web must have a port number`:                               {config.LivenessProbe: {TCPSocket: &config.TCPSocket{PortName: "http"}}},
		`livenessProbe of web must have a command`:                                   {config.LivenessProbe: {Exec: &config.Exec{}}},
	} {
		_, err := exchange.Client(t, "2.2").Config.Set(t.Context(), "a", config.Changes{Healthcheck: map[string]config.Healthcheck{"web": check}})
		assert.ErrorIs(t, err, deis.ErrInvalidArgument, message)
		assert.ErrorContains(t, err, message)
	}
}

func TestAGracePeriodThatWouldBreakTheNextDeployIsRefused(t *testing.T) {
	for _, seconds := range []string{"", "30s", "1.5", "-1", " 30"} {
		_, err := exchange.Client(t, "2.3").Config.Set(t.Context(), "a", config.Changes{TerminationGracePeriod: map[string]*string{"web": &seconds}})
		assert.ErrorIs(t, err, deis.ErrInvalidArgument, "%q", seconds)
		assert.ErrorContains(t, err, "of web must be a number of seconds")
	}
}

func TestAHookThatTheServerDoesNotStoreIsAnError(t *testing.T) {
	const path = "POST /v2/apps/a/config/"
	unchanged := `{"detail":"alice changed nothing - release stopped"}`
	values := map[string]*string{"A": to("1")}
	for situation, c := range map[string]struct {
		changes   config.Changes
		exchanges []exchange.Exchange
		message   string // "" if all is stored
	}{
		"all is stored": {
			config.Changes{LifecyclePostStart: map[string]*string{"web": to("echo"), "old": nil}, TerminationGracePeriod: map[string]*string{"web": to("30")}},
			[]exchange.Exchange{exchange.On(path, `{"lifecycle_post_start": {"web": "echo", "old": null}, "termination_grace_period": {"web": "30"}}`, 201,
				`{"app": "a", "lifecycle_post_start": {"web": "echo"}, "termination_grace_period": {"web": 30}}`)},
			"",
		},
		"a server before Workflow v2.20 stores only the rest": {
			config.Changes{Values: values, TerminationGracePeriod: map[string]*string{"web": to("30")}},
			[]exchange.Exchange{exchange.On(path, `{"values": {"A": "1"}, "termination_grace_period": {"web": "30"}}`, 201, `{"app": "a", "values": {"A": "1"}}`)},
			"has not stored TerminationGracePeriod of web for app a",
		},
		"the server finds nothing changed": {
			config.Changes{LifecyclePostStart: map[string]*string{"web": to("echo")}},
			[]exchange.Exchange{
				exchange.On(path, `{"lifecycle_post_start": {"web": "echo"}}`, 409, unchanged), exchange.On("GET /v2/apps/a/config/", "", 200, `{"app": "a"}`),
			},
			"has not stored LifecyclePostStart of web",
		},
		"LifecyclePreStop alone counts as no change": {
			config.Changes{LifecyclePreStop: map[string]*string{"web": nil}},
			[]exchange.Exchange{
				exchange.On(path, `{"lifecycle_pre_stop": {"web": null}}`, 409, unchanged),
				exchange.On("GET /v2/apps/a/config/", "", 200, `{"app": "a", "lifecycle_pre_stop": {"web": "sleep 1"}}`),
			},
			"has not stored LifecyclePreStop of web",
		},
	} {
		t.Run(situation, func(t *testing.T) {
			_, err := exchange.Client(t, "2.3", c.exchanges...).Config.Set(t.Context(), "a", c.changes)
			if c.message == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, errors.ErrUnsupported)
			assert.ErrorContains(t, err, c.message)
		})
	}
}

func TestAHookThatIsStoredAlreadyIsUnchanged(t *testing.T) {
	client := exchange.Client(t, "2.3",
		exchange.On("POST /v2/apps/a/config/", `{"termination_grace_period": {"web": "30"}}`, 409, `{"detail":"alice changed nothing - release stopped"}`),
		exchange.On("GET /v2/apps/a/config/", "", 200, `{"app": "a", "termination_grace_period": {"web": "30"}}`))
	_, err := client.Config.Set(t.Context(), "a", config.Changes{TerminationGracePeriod: map[string]*string{"web": to("30")}})
	assert.ErrorIs(t, err, config.ErrUnchanged)
	assert.NotErrorIs(t, err, errors.ErrUnsupported)
}

func TestConfigsOfAllVersionsAreRead(t *testing.T) {
	for situation, c := range map[string]struct {
		api, response string
		want          config.Config
	}{
		"v1.6 has numbers for CPU": {
			"1.6", `{"values": {"A": "1"}, "cpu": {"web": 512, "worker": 0.5}, "memory": {"web": "512M"}}`,
			config.Config{
				Values: map[string]string{"A": "1"}, CPU: map[string]string{"web": "512", "worker": "0.5"},
				Memory: map[string]string{"web": "512M"},
			},
		},
		"2.2 has strings": {
			"2.2", `{"values": {"BOOL": "True"}, "cpu": {"web": "250m"}, "tags": {"rack": "2"}, "registry": {"username": "bob"}}`,
			config.Config{
				Values: map[string]string{"BOOL": "True"}, CPU: map[string]string{"web": "250m"},
				Tags: map[string]string{"rack": "2"}, Registry: map[string]string{"username": "bob"},
			},
		},
		"2.3 has hooks and grace periods": {
			"2.3", `{"lifecycle_post_start": {"web": "echo"}, "lifecycle_pre_stop": {"web": "sleep 1"}, "termination_grace_period": {"web": 30}, "registry": {"n": 5}}`,
			config.Config{
				LifecyclePostStart: map[string]string{"web": "echo"}, LifecyclePreStop: map[string]string{"web": "sleep 1"},
				TerminationGracePeriod: map[string]string{"web": "30"}, Registry: map[string]string{"n": "5"},
			},
		},
		"a flat health check is for web and cmd": {
			"2.2", `{"values": {"A": "1"}, "healthcheck": {"livenessProbe": {"initialDelaySeconds": 1, "httpGet": {"path": "/", "port": 80}}, "readinessProbe": null,
				"worker": {"livenessProbe": {"exec": {"command": ["true"]}}}}}`,
			config.Config{Values: map[string]string{"A": "1"}, Healthcheck: map[string]config.Healthcheck{
				"web/cmd": {config.LivenessProbe: {InitialDelaySeconds: 1, HTTPGet: &config.HTTPGet{Path: "/", Port: 80}}, config.ReadinessProbe: nil},
				"worker":  {config.LivenessProbe: {Exec: &config.Exec{Command: []string{"true"}}}},
			}},
		},
		"a port that is a name": {
			"2.2", `{"healthcheck": {"web": {"livenessProbe": {"httpGet": {"path": "/", "port": "http"}}, "readinessProbe": {"tcpSocket": {"port": "db"}}}}}`,
			config.Config{Healthcheck: map[string]config.Healthcheck{"web": {
				config.LivenessProbe:  {HTTPGet: &config.HTTPGet{Path: "/", PortName: "http"}},
				config.ReadinessProbe: {TCPSocket: &config.TCPSocket{PortName: "db"}},
			}}},
		},
		"values that are not text": {
			"2.2", `{"values": {"T": true, "N": null, "BIG": 12345678901234567890, "L": [1, "a"]}, "cpu": null}`,
			config.Config{Values: map[string]string{"T": "true", "N": "", "BIG": "12345678901234567890", "L": `[1, "a"]`}},
		},
		"health checks": {
			"2.2", `{"healthcheck": {"web": {"livenessProbe": {
				"initialDelaySeconds": 1, "timeoutSeconds": 2, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
				"httpGet": {"path": "/", "port": 80, "host": "h", "scheme": "HTTPS", "httpHeaders": [{"name": "X", "value": "y"}]}
			}}, "worker": {"readinessProbe": {"exec": {"command": ["true"]}}}, "db": {"livenessProbe": {"tcpSocket": {"port": 5432}}}}}`,
			config.Config{Healthcheck: map[string]config.Healthcheck{
				"web": {config.LivenessProbe: {
					InitialDelaySeconds: 1, TimeoutSeconds: 2, PeriodSeconds: 10, SuccessThreshold: 1, FailureThreshold: 3,
					HTTPGet: &config.HTTPGet{Path: "/", Port: 80, Host: "h", Scheme: "HTTPS", Headers: []config.Header{{Name: "X", Value: "y"}}},
				}},
				"worker": {config.ReadinessProbe: {Exec: &config.Exec{Command: []string{"true"}}}},
				"db":     {config.LivenessProbe: {TCPSocket: &config.TCPSocket{Port: 5432}}},
			}},
		},
	} {
		t.Run(situation, func(t *testing.T) {
			client := exchange.Client(t, c.api, exchange.On("GET /v"+c.api[:1]+"/apps/example-go/config/", "", 200, c.response))
			got, err := client.Config.Get(t.Context(), "example-go")
			require.NoError(t, err)
			c.want.App, c.want.UUID = got.App, got.UUID
			assert.Equal(t, c.want, *got)
		})
	}
}

func TestAnEchoedRegistryLoginIsRedacted(t *testing.T) {
	client := exchange.Client(t, "2.3", exchange.On("POST /v2/apps/a/config/", `{"registry": {"username": "robot", "password": "canary"}}`, 400,
		`{"registry":["robot may not use canary"]}`))
	_, err := client.Config.Set(t.Context(), "a", config.Changes{Registry: map[string]*string{"username": to("robot"), "password": to("canary")}})
	assert.ErrorContains(t, err, "registry: robot may not use [redacted]")
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "canary")
}

func TestALogShowsNoValues(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	secret := "canary"
	logger.Info("config", "config", config.Config{App: "example-go", Values: map[string]string{"PASSWORD": secret}})
	logger.Info("changes", "changes", config.Changes{Values: map[string]*string{"PASSWORD": &secret}})
	assert.NotContains(t, log.String(), secret)
	assert.Equal(t, 2, strings.Count(log.String(), "PASSWORD"))
}
