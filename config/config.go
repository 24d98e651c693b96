// Package config manages an app's environment variables, limits, tags and health checks; each change makes a release.
//
//	_, err := client.Config.SetValues(ctx, "example-go", map[string]string{"LOG_LEVEL": "debug"})
//	_, err = client.Config.Unset(ctx, "example-go", []string{"LOG_LEVEL"})
//	current, err := client.Config.Get(ctx, "example-go")
//
// API documents: "Configuration". Health checks are 2.x only, lifecycle hooks and grace periods 2.3 only.
package config

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/version"
)

// Service manages config. Use it as Client.Config; it is safe for concurrent use.
//
// One client sends its changes to one app one after the other, because real Controllers lose values or respond with 500
// when two arrive at the same time. In 2.3 even a change that succeeded can be lost: the change that fails marks the
// other's release as failed. Several clients or programs must take turns themselves.
type Service struct{ client *rest.Client }

// New returns a Service that uses client. Programs use Client.Config.
func New(client *rest.Client) *Service { return &Service{client} }

// A Config is what an app's processes run with. Its printed form shows names, never values.
//
// Values, limits and tags are text, whatever the Controller sends: v1.6 has numbers for CPU, and real 2.x Controllers
// store a value of true as "True".
type Config struct {
	App         string                 `json:"app" deis:"apps,part"`
	Owner       string                 `json:"owner"`       // who made the last change
	Values      map[string]string      `json:"values"`      // the environment variables
	Memory      map[string]string      `json:"memory"`      // limit for each process type: "512M", or request and limit, "128M/256M" (2.3)
	CPU         map[string]string      `json:"cpu"`         // for each process type: "512" (v1.6, shares of 1024), "250m" (2.x), "250m/500m" (2.3)
	Tags        map[string]string      `json:"tags"`        // labels that a node must have to run the app
	Healthcheck map[string]Healthcheck `json:"healthcheck"` // for each process type; "web/cmd" has what HEALTHCHECK_URL set. 2.x only
	Registry    map[string]string      `json:"registry"`    // login for a private registry; API 2.2 and newer, undocumented
	UUID        string                 `json:"uuid" deis:"uuid,part"`
	Created     rest.Time              `json:"created"`
	Updated     rest.Time              `json:"updated"`

	// These have an entry for each process type. 2.3 only.
	LifecyclePostStart     map[string]string `json:"lifecycle_post_start"`     // a command that runs when a pod has started; since Workflow v2.19
	LifecyclePreStop       map[string]string `json:"lifecycle_pre_stop"`       // a command that runs before a pod is stopped; since Workflow v2.19
	TerminationGracePeriod map[string]string `json:"termination_grace_period"` // how many seconds a pod has to stop; since Workflow v2.20

	// Release is the number of the release that Set made. v1.6 only: it is 0 in 2.x, and after Get.
	Release int `json:"-"`
}

// UnmarshalJSON reads a config of any version.
func (c *Config) UnmarshalJSON(data []byte) error {
	type plain Config
	if json.Unmarshal(data, (*plain)(c)) == nil && !isFlat(c.Healthcheck) { // all values are text, as they nearly always are
		return nil
	}
	*c = Config{}
	loose := struct {
		*plain
		Values                 looseTexts        `json:"values"`
		Memory                 looseTexts        `json:"memory"`
		CPU                    looseTexts        `json:"cpu"`
		Tags                   looseTexts        `json:"tags"`
		Registry               looseTexts        `json:"registry"`
		LifecyclePostStart     looseTexts        `json:"lifecycle_post_start"`
		LifecyclePreStop       looseTexts        `json:"lifecycle_pre_stop"`
		TerminationGracePeriod looseTexts        `json:"termination_grace_period"`
		Healthcheck            looseHealthchecks `json:"healthcheck"`
	}{plain: (*plain)(c)}
	if err := json.Unmarshal(data, &loose); err != nil {
		return err
	}
	c.Values, c.Memory, c.CPU, c.Tags, c.Registry = loose.Values, loose.Memory, loose.CPU, loose.Tags, loose.Registry
	c.LifecyclePostStart, c.LifecyclePreStop = loose.LifecyclePostStart, loose.LifecyclePreStop
	c.TerminationGracePeriod, c.Healthcheck = loose.TerminationGracePeriod, loose.Healthcheck
	return nil
}

// looseHealthchecks also reads the flat form, {"livenessProbe": {…}}, which older servers stored. It applies to the
// process types web and cmd.
type looseHealthchecks map[string]Healthcheck

// flatType is the process type under which real Controllers store health checks that name none.
const flatType = "web/cmd"

func (h *looseHealthchecks) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil || raw == nil {
		return err
	}
	*h = make(looseHealthchecks, len(raw))
	for name, value := range raw {
		if isProbe(name) {
			var probe *Probe
			if err := json.Unmarshal(value, &probe); err != nil {
				return err
			}
			if (*h)[flatType] == nil {
				(*h)[flatType] = make(Healthcheck)
			}
			(*h)[flatType][name] = probe
			continue
		}
		var check Healthcheck
		if err := json.Unmarshal(value, &check); err != nil {
			return err
		}
		(*h)[name] = check
	}
	return nil
}

// isFlat reports whether one of the process types is the name of a probe.
func isFlat(checks map[string]Healthcheck) bool {
	for procType := range checks {
		if isProbe(procType) {
			return true
		}
	}
	return false
}

func isProbe(name string) bool { return name == LivenessProbe || name == ReadinessProbe }

// looseTexts reads a JSON object whose values may be numbers or booleans, as their text.
type looseTexts map[string]string

func (t *looseTexts) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil || raw == nil {
		return err
	}
	*t = make(looseTexts, len(raw))
	for key, value := range raw {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		(*t)[key] = text
	}
	return nil
}

// String shows whose config it is and which variables it has, without their values.
func (c Config) String() string {
	return fmt.Sprintf("{App:%s Release:%d Values:%v}", c.App, c.Release, names(c.Values))
}

// GoString does the same for %#v.
func (c Config) GoString() string { return "config.Config" + c.String() }

// LogValue logs what String shows, also in a JSON log.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// A Healthcheck has the probes of a process type under the names LivenessProbe and ReadinessProbe. In Changes, a nil
// Probe unsets one.
type Healthcheck map[string]*Probe

// The probes of a Healthcheck.
const (
	LivenessProbe  = "livenessProbe"  // a process that fails it is restarted
	ReadinessProbe = "readinessProbe" // a process that fails it gets no requests
)

// A Probe checks a process in one of three ways: set exactly one of HTTPGet, Exec and TCPSocket. For the numbers, 0
// means the Controller's default.
type Probe struct {
	HTTPGet   *HTTPGet   `json:"httpGet,omitempty"`
	Exec      *Exec      `json:"exec,omitempty"`
	TCPSocket *TCPSocket `json:"tcpSocket,omitempty"`

	InitialDelaySeconds int `json:"initialDelaySeconds,omitempty"`
	TimeoutSeconds      int `json:"timeoutSeconds,omitempty"`
	PeriodSeconds       int `json:"periodSeconds,omitempty"`
	SuccessThreshold    int `json:"successThreshold,omitempty"` // must be 1 for a LivenessProbe
	FailureThreshold    int `json:"failureThreshold,omitempty"`
}

// HTTPGet succeeds on a status from 200 to 399.
type HTTPGet struct {
	Path    string   `json:"path,omitempty"`
	Port    int      `json:"port,omitempty"` // required
	Host    string   `json:"host,omitempty"`
	Scheme  string   `json:"scheme,omitempty"`
	Headers []Header `json:"httpHeaders,omitempty"`

	PortName string `json:"-"` // set instead of Port if the Controller stores a port name; Set refuses it
}

// UnmarshalJSON also reads a port that is a name.
func (g *HTTPGet) UnmarshalJSON(data []byte) error {
	type plain HTTPGet
	read := struct {
		*plain
		Port port `json:"port"`
	}{plain: (*plain)(g)}
	err := json.Unmarshal(data, &read)
	g.Port, g.PortName = read.Port.number, read.Port.name
	return err
}

// A Header is sent with an HTTPGet.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Exec succeeds if the command exits with status 0.
type Exec struct {
	Command []string `json:"command"`
}

// TCPSocket succeeds if the port accepts a connection.
type TCPSocket struct {
	Port int `json:"port"` // required

	PortName string `json:"-"` // set instead of Port if the Controller stores a port name; Set refuses it
}

// UnmarshalJSON also reads a port that is a name.
func (t *TCPSocket) UnmarshalJSON(data []byte) error {
	var read struct {
		Port port `json:"port"`
	}
	err := json.Unmarshal(data, &read)
	t.Port, t.PortName = read.Port.number, read.Port.name
	return err
}

// A port is a number or a name. Real Controllers accept only numbers; older ones stored either.
type port struct {
	number int
	name   string
}

func (p *port) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &p.name) == nil && p.name != "" {
		return nil
	}
	return json.Unmarshal(data, &p.number)
}

// Changes say what to set and, with nil, what to unset; everything else stays as it is. Their printed form shows names,
// never values.
type Changes struct {
	// Values are the environment variables. In 2.x their names consist of ASCII letters, digits and _ and do not begin
	// with a digit. Real 2.x Controllers move HEALTHCHECK_URL and the other HEALTHCHECK_ variables into
	// Healthcheck["web/cmd"].
	Values map[string]*string `json:"values,omitempty"`

	// Memory and CPU limit each process type. A memory limit is a number and B, K, M or G: "512M". A CPU limit is a
	// share of 1024 in v1.6, "512", and a number of cores in 2.x, "250m" or "1.5". Since Workflow v2.9 both can be a
	// request and a limit: "128M/256M", "250m/500m".
	Memory map[string]*string `json:"memory,omitempty"`
	CPU    map[string]*string `json:"cpu,omitempty"`

	// Tags are labels that a node must have to run the app. In 2.x the response is 400 if no node has them all.
	Tags map[string]*string `json:"tags,omitempty"`

	// Healthcheck has the probes of each process type. A nil Healthcheck unsets all probes of a process type. API 2.x
	// only. Real 2.2 Controllers run only the probes of "web/cmd", for both types; others are stored without effect.
	Healthcheck map[string]Healthcheck `json:"healthcheck,omitempty"`

	// Registry is the login for a private registry, "username" and "password". It needs a value for PORT. Controllers
	// convert its keys to lower case. API 2.2 and newer.
	Registry map[string]*string `json:"registry,omitempty"`

	// These are for each process type: a command that runs when a pod has started, one that runs before it is stopped,
	// and how many seconds it has to stop. API 2.3 only; see Set for servers that do not store them.
	LifecyclePostStart     map[string]*string `json:"lifecycle_post_start,omitempty"`
	LifecyclePreStop       map[string]*string `json:"lifecycle_pre_stop,omitempty"`
	TerminationGracePeriod map[string]*string `json:"termination_grace_period,omitempty"`
}

// String shows what changes, without the values.
func (c Changes) String() string {
	return fmt.Sprintf("{Values:%v Memory:%v CPU:%v Tags:%v Healthcheck:%v Registry:%v LifecyclePostStart:%v LifecyclePreStop:%v TerminationGracePeriod:%v}",
		names(c.Values), names(c.Memory), names(c.CPU), names(c.Tags), names(c.Healthcheck), names(c.Registry),
		names(c.LifecyclePostStart), names(c.LifecyclePreStop), names(c.TerminationGracePeriod))
}

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// GoString does the same for %#v.
func (c Changes) GoString() string { return "config.Changes" + c.String() }

// LogValue logs what String shows, also in a JSON log.
func (c Changes) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Reasons for failure. Match them with errors.Is.
var (
	// ErrUnchanged means that the config has all of the changes already, so that no release was made. 2.x only: v1.6
	// Controllers make a new release.
	ErrUnchanged error = &rest.Reason{
		Message:  "the config has these changes already",
		Status:   409,
		Wordings: []rest.Wording{{Text: "changed nothing - release stopped"}, {Text: "changed nothing - release stopped", Status: 400}}, // 400: 2.3 before Workflow v2.7
	}
	// ErrNotSet means that something to unset is not set, so that nothing was changed. 2.x only: v1.6 Controllers
	// accept it.
	ErrNotSet error = &rest.Reason{
		Message:  "not set",
		Status:   422,
		Wordings: []rest.Wording{{Text: "does not exist under"}},
	}
	// ErrInProgress means that a deploy of the app is still running, so that the config was not changed; a 2.3
	// Controller keeps the release, marked as failed. 2.x only.
	ErrInProgress error = &rest.Reason{
		Message:  "a deploy of the app is in progress",
		Status:   409,
		Wordings: []rest.Wording{{Text: "is already in progress"}, {Text: "is already in progress", Status: 400}}, // 400: before Workflow v2.7
	}
)

// Get returns an app's current config.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{app}/config/
func (s *Service) Get(ctx context.Context, app string, opts ...rest.CallOption) (*Config, error) {
	return rest.Get[Config](ctx, s.client, rest.Path("apps", app, "config"), append(slices.Clone(opts), rest.WithSecretResponse())...)
}

// Set makes all of the changes to an app's config at once and returns the new config. It makes a release and, if the
// app has a build, replaces its processes; if they do not start, v1.6 Controllers respond with 503, and 2.x Controllers
// with 400. The error can match ErrUnchanged, ErrNotSet and ErrInProgress.
//
// Real v1.6 Controllers merge the changes into the config that was made last, even if its deploy failed or the app was
// rolled back. So the next Set reapplies those old changes. Real 2.x Controllers merge them into the current config.
//
// In v1.6, the result of Set differs from that of Get: once the app has a build, Values also has DEIS_APP and
// DEIS_RELEASE, and lacks variables that the image sets.
//
// 2.3 Controllers ignore lifecycle hooks before Workflow v2.19 and grace periods before v2.20, and all of them ignore a
// LifecyclePreStop that is the only change. So Set compares the config afterwards with the changes. If one of these was
// not stored, the error matches errors.ErrUnsupported and names it; the other changes were made.
//
//deis:operation v1.6,v2.2,v2.3 POST /apps/{app}/config/
func (s *Service) Set(ctx context.Context, app string, changes Changes, opts ...rest.CallOption) (*Config, error) {
	at := rest.Path("apps", app, "config")
	if err := at.Err(); err != nil {
		return nil, err
	}
	if err := changes.Check(); err != nil {
		return nil, err
	}
	if what, api := changes.Needs(); what != "" {
		if err := s.client.Require(ctx, what, api); err != nil {
			return nil, err
		}
	}
	var resp rest.Response
	config, err := rest.Post[Config](ctx, s.client, at, changes,
		append(slices.Clone(opts), rest.WithResponse(&resp), rest.WithSecrets(changes.secrets()...), rest.WithSecretResponse(), rest.WithDeploy())...)
	if errors.Is(err, ErrUnchanged) && changes.hasHooks() { // the server may have ignored the hooks
		if current, getErr := s.Get(ctx, app, append(slices.Clone(opts), rest.WithoutResponse())...); getErr == nil {
			return nil, cmp.Or(changes.checkStored(app, current), err)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := changes.checkStored(app, config); err != nil {
		return nil, err
	}
	config.Release = resp.Release()
	return config, nil
}

// Needs returns what in the changes not every API version has, and the oldest version that has it. It returns zero values
// if all versions have everything.
func (c Changes) Needs() (what string, api version.API) {
	switch {
	case c.hasHooks():
		return "a lifecycle hook or grace period", version.V2_3
	case len(c.Registry) > 0:
		return "a registry login", version.V2_2
	case len(c.Healthcheck) > 0:
		return "a health check", version.V2
	}
	return "", version.API{}
}

// secrets returns the values of variables, and the registry login without the username.
func (c Changes) secrets() (texts []string) {
	for _, value := range c.Values {
		if value != nil {
			texts = append(texts, *value)
		}
	}
	for key, value := range c.Registry {
		if value != nil && !strings.EqualFold(key, "username") {
			texts = append(texts, *value)
		}
	}
	return texts
}

// hasHooks reports whether there are lifecycle hooks or grace periods, which some servers of API 2.3 do not know.
func (c Changes) hasHooks() bool {
	return len(c.LifecyclePostStart)+len(c.LifecyclePreStop)+len(c.TerminationGracePeriod) > 0
}

// checkStored returns an error if a lifecycle hook or a grace period is not in the config as requested.
func (c Changes) checkStored(app string, config *Config) error {
	for _, f := range []struct {
		name   string
		wanted map[string]*string
		stored map[string]string
	}{
		{"LifecyclePostStart", c.LifecyclePostStart, config.LifecyclePostStart},
		{"LifecyclePreStop", c.LifecyclePreStop, config.LifecyclePreStop},
		{"TerminationGracePeriod", c.TerminationGracePeriod, config.TerminationGracePeriod},
	} {
		for _, procType := range names(f.wanted) {
			stored, found := f.stored[procType]
			if wanted := f.wanted[procType]; wanted == nil && found || wanted != nil && *wanted != stored {
				return fmt.Errorf("deis: the Controller has not stored %s of %s for app %s: servers before Workflow v2.20 may not know it, "+
					"and LifecyclePreStop is stored only if something else changes, too: %w", f.name, procType, app, errors.ErrUnsupported)
			}
		}
	}
	return nil
}

// Check returns what is wrong with the changes, or nil. Set calls it. It refuses empty changes, for which v1.6
// Controllers make a release, health checks that check nothing, grace periods that are not numbers, and variable names
// that break an app: real v1.6 Controllers store them although they respond with 500, and then every change fails until
// they are unset.
func (c Changes) Check() error {
	if len(c.Values)+len(c.Memory)+len(c.CPU)+len(c.Tags)+len(c.Healthcheck)+len(c.Registry) == 0 && !c.hasHooks() {
		return rest.InvalidArgument("changes", "must not be empty")
	}
	for key, value := range c.Values {
		unusable := strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '=' })
		if value != nil && (key == "" || unusable) {
			return rest.InvalidArgument(fmt.Sprintf("config key %.100q", key), "must be printable ASCII without spaces or =")
		}
	}
	for procType, seconds := range c.TerminationGracePeriod {
		if seconds != nil && (*seconds == "" || strings.Trim(*seconds, "0123456789") != "") {
			return rest.InvalidArgument(fmt.Sprintf("grace period %.20q of %s", *seconds, procType), "must be a number of seconds")
		}
	}
	for procType, check := range c.Healthcheck {
		for name, probe := range check {
			if !isProbe(name) {
				return rest.InvalidArgument(fmt.Sprintf("health check %.100q of %s", name, procType), "must be a livenessProbe or a readinessProbe")
			}
			if rule := probe.check(); rule != "" {
				return rest.InvalidArgument(name+" of "+procType, rule)
			}
		}
	}
	return nil
}

// check returns the rule that a probe breaks, or "". A nil probe is valid: it unsets one.
func (p *Probe) check() string {
	if p == nil {
		return ""
	}
	ways := 0
	for _, given := range []bool{p.HTTPGet != nil, p.Exec != nil, p.TCPSocket != nil} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		return "must have one of HTTPGet, Exec and TCPSocket; a nil Probe unsets it"
	case ways > 1:
		return "must have only one of HTTPGet, Exec and TCPSocket"
	case p.Exec != nil && len(p.Exec.Command) == 0:
		return "must have a command"
	case p.HTTPGet != nil && p.HTTPGet.Port == 0, p.TCPSocket != nil && p.TCPSocket.Port == 0:
		return "must have a port number"
	}
	return ""
}

// SetValues sets environment variables and leaves the others as they are; see Set.
func (s *Service) SetValues(ctx context.Context, app string, values map[string]string, opts ...rest.CallOption) (*Config, error) {
	changes := Changes{Values: make(map[string]*string, len(values))}
	for key, value := range values {
		changes.Values[key] = &value
	}
	return s.Set(ctx, app, changes, opts...)
}

// Unset removes environment variables; see Set. If one of them is not set, in 2.x the error matches ErrNotSet and none
// is removed.
func (s *Service) Unset(ctx context.Context, app string, keys []string, opts ...rest.CallOption) (*Config, error) {
	changes := Changes{Values: make(map[string]*string, len(keys))}
	for _, key := range keys {
		changes.Values[key] = nil
	}
	return s.Set(ctx, app, changes, opts...)
}
