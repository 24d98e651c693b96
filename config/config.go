// Package config manages an app's environment variables, limits, tags and health checks. Each change makes a release.
//
//	_, err := client.Config.SetValues(ctx, "example-go", map[string]string{"LOG_LEVEL": "debug"})
//	_, err = client.Config.Unset(ctx, "example-go", []string{"LOG_LEVEL"})
//	present, err := client.Config.Get(ctx, "example-go")
//
// Document: "Configuration" in both API documents. Health checks are for 2.x only, lifecycle hooks and grace periods for
// 2.3 only.
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
// One client's changes to one app follow each other, because real Controllers lose values, or respond with 500, when two
// come at the same time; in 2.3 also one that was set with success, because the change that loses marks
// the other's release as failed. Two clients, or two programs, must take turns themselves.
type Service struct{ client *rest.Client }

// New returns a service on a client of one's own. Programs use Client.Config.
func New(client *rest.Client) *Service { return &Service{client} }

// A Config is what an app's processes run with. Printing one shows names, never values.
//
// Values, limits and tags are text, whatever the Controller writes: v1.6 has numbers for CPU, and real 2.2 Controllers
// store a value of true as "True".
type Config struct {
	App         string                 `json:"app" deis:"apps,part"`
	Owner       string                 `json:"owner"`       // who made the change
	Values      map[string]string      `json:"values"`      // the environment variables
	Memory      map[string]string      `json:"memory"`      // limit for each process type: "512M", or request and limit, "128M/256M" (2.3)
	CPU         map[string]string      `json:"cpu"`         // for each process type: "512" (v1.6, shares of 1024), "250m" (2.x), "250m/500m" (2.3)
	Tags        map[string]string      `json:"tags"`        // what a node must be tagged with to run the app
	Healthcheck map[string]Healthcheck `json:"healthcheck"` // for each process type, "web/cmd" for what was set by HEALTHCHECK_URL; 2.x only
	Registry    map[string]string      `json:"registry"`    // login for a private registry; since 2.2, undocumented
	UUID        string                 `json:"uuid" deis:"uuid,part"`
	Created     rest.Time              `json:"created"`
	Updated     rest.Time              `json:"updated"`

	// These are for each process type, and 2.3 only.
	LifecyclePostStart     map[string]string `json:"lifecycle_post_start"`     // a command that runs when a pod has started; since Workflow v2.19
	LifecyclePreStop       map[string]string `json:"lifecycle_pre_stop"`       // a command that runs before a pod is stopped; since Workflow v2.19
	TerminationGracePeriod map[string]string `json:"termination_grace_period"` // how many seconds a pod has to end; since Workflow v2.20

	// Release is the number of the release that Set made. v1.6 only, and 0 after Get: 2.x Controllers do not say it.
	Release int `json:"-"`
}

// UnmarshalJSON reads a config of either version.
func (c *Config) UnmarshalJSON(data []byte) error {
	type plain Config
	if json.Unmarshal(data, (*plain)(c)) == nil && !isFlat(c.Healthcheck) { // all is text, as nearly always
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

// looseHealthchecks reads the flat form, too, {"livenessProbe": {…}}, which older servers stored: it holds for the
// process types web and cmd.
type looseHealthchecks map[string]Healthcheck

// flatType is where real Controllers put health checks that name no process type.
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

// LogValue logs what String shows, also where the log is JSON.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// A Healthcheck finds out whether a process lives and is ready, by the names LivenessProbe and ReadinessProbe. A
// nil Probe takes one away.
type Healthcheck map[string]*Probe

// The probes of a Healthcheck.
const (
	LivenessProbe  = "livenessProbe"  // restarts a process that fails
	ReadinessProbe = "readinessProbe" // routes nothing to a process that fails
)

// A Probe asks a process how it is, in one of three ways: give exactly one of them. What else is 0 or empty is left to the
// Controller.
type Probe struct {
	HTTPGet   *HTTPGet   `json:"httpGet,omitempty"`
	Exec      *Exec      `json:"exec,omitempty"`
	TCPSocket *TCPSocket `json:"tcpSocket,omitempty"`

	InitialDelaySeconds int `json:"initialDelaySeconds,omitempty"`
	TimeoutSeconds      int `json:"timeoutSeconds,omitempty"`
	PeriodSeconds       int `json:"periodSeconds,omitempty"`
	SuccessThreshold    int `json:"successThreshold,omitempty"` // only 1 for a LivenessProbe
	FailureThreshold    int `json:"failureThreshold,omitempty"`
}

// HTTPGet succeeds on a status from 200 to 399.
type HTTPGet struct {
	Path    string   `json:"path,omitempty"`
	Port    int      `json:"port,omitempty"` // needed
	Host    string   `json:"host,omitempty"`
	Scheme  string   `json:"scheme,omitempty"`
	Headers []Header `json:"httpHeaders,omitempty"`

	PortName string `json:"-"` // in place of Port, where a Controller has a name; it cannot be set
}

// UnmarshalJSON reads a port by name, too.
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

// Exec succeeds if the command ends with 0.
type Exec struct {
	Command []string `json:"command"`
}

// TCPSocket succeeds if the port accepts a connection.
type TCPSocket struct {
	Port int `json:"port"` // needed

	PortName string `json:"-"` // in place of Port, where a Controller has a name; it cannot be set
}

// UnmarshalJSON reads a port by name, too.
func (t *TCPSocket) UnmarshalJSON(data []byte) error {
	var read struct {
		Port port `json:"port"`
	}
	err := json.Unmarshal(data, &read)
	t.Port, t.PortName = read.Port.number, read.Port.name
	return err
}

// A port is a number or a name. Real Controllers accept numbers only; older ones stored either.
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

// Changes say what to set and, by nil, what to unset; what they do not name stays as it is. Printing them shows names,
// never values.
type Changes struct {
	Values map[string]*string `json:"values,omitempty"` // the environment variables
	Memory map[string]*string `json:"memory,omitempty"` // for each process type, a number and B, K, M or G: "512M"; "128M/256M" is a request and a limit (2.3)
	CPU    map[string]*string `json:"cpu,omitempty"`    // for each process type: "512" (v1.6, of 1024), "250m" or "1" (2.x), "250m/500m" (2.3)
	Tags   map[string]*string `json:"tags,omitempty"`   // what a node must be tagged with to run the app

	// Healthcheck is for API 2.x only. A nil Healthcheck unsets all probes of a process type.
	Healthcheck map[string]Healthcheck `json:"healthcheck,omitempty"`

	// Registry is the login for a private registry, "username" and "password". API 2.2 and newer. Controllers write
	// its keys in lower case.
	Registry map[string]*string `json:"registry,omitempty"`

	// These are for each process type, and for API 2.3 only: commands that run when a pod has started, and before it is
	// stopped, and how many seconds it has to end, a number. See Set for servers that do not store them.
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

// LogValue logs what String shows, also where the log is JSON.
func (c Changes) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Reasons for failure. Match them with errors.Is.
var (
	// ErrUnchanged says that everything is set like that already, and no release was made. 2.x only: v1.6 Controllers
	// make a new release.
	ErrUnchanged error = &rest.Reason{
		Message:  "the config is like that already",
		Status:   409,
		Wordings: []rest.Wording{{Text: "changed nothing - release stopped"}, {Text: "changed nothing - release stopped", Status: 400}}, // 400: 2.3 before Workflow v2.7
	}
	// ErrNotSet says that what was to be unset is not set, and that nothing was changed. 2.x only: v1.6 Controllers
	// accept it.
	ErrNotSet error = &rest.Reason{
		Message:  "not set",
		Status:   422,
		Wordings: []rest.Wording{{Text: "does not exist under"}},
	}
	// ErrInProgress says that a deploy of the app has not ended, and that the config was not changed; a 2.3 Controller
	// keeps the failed release.
	ErrInProgress error = &rest.Reason{
		Message:  "a deploy of the app is in progress",
		Status:   409,
		Wordings: []rest.Wording{{Text: "is already in progress"}, {Text: "is already in progress", Status: 400}}, // 400: before Workflow v2.7
	}
)

// Get returns an app's present config.
//
//deis:operation v1.6,v2.2,v2.3 GET /apps/{app}/config/
func (s *Service) Get(ctx context.Context, app string, opts ...rest.CallOption) (*Config, error) {
	return rest.Get[Config](ctx, s.client, rest.Path("apps", app, "config"), append(slices.Clone(opts), rest.WithSecretResponse())...)
}

// Set changes an app's config, all of Changes at once, and returns it as it is then. It makes a release and, if the
// app has a build, replaces its processes; if they do not start, v1.6 Controllers respond with 503, and 2.x Controllers
// with 400. The error matches ErrUnchanged, ErrNotSet or ErrInProgress if a 2.x Controller says so.
//
// Real v1.6 Controllers merge the changes into the config that was made last, even if a rollback has put an older one
// back since, or its deploy failed: the next Set brings it back, whole. Real 2.x Controllers merge into the present one.
//
// In the response of a v1.6 Controller to Set, unlike to Get, Values has DEIS_APP and DEIS_RELEASE too once there is a
// build, and lacks the variables that the image has as well.
//
// Servers of API 2.3 before Workflow v2.19 or v2.20 ignore the lifecycle hooks or the grace periods, and all of them ignore
// a LifecyclePreStop where nothing else changes. So Set compares what the Controller has then with what was asked for. If
// it has not stored something, the error matches errors.ErrUnsupported and says what; the other changes were made.
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
	if err := s.require(ctx, changes); err != nil {
		return nil, err
	}
	var resp rest.Response
	config, err := rest.Post[Config](ctx, s.client, at, changes,
		append(slices.Clone(opts), rest.WithResponse(&resp), rest.WithSecrets(changes.secrets()...), rest.WithSecretResponse())...)
	if errors.Is(err, ErrUnchanged) && changes.hasHooks() { // or a server that does not know them says so
		if present, getErr := s.Get(ctx, app, append(slices.Clone(opts), rest.WithoutResponse())...); getErr == nil {
			return nil, cmp.Or(changes.checkStored(app, present), err)
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

// require asks for the version that the changes need.
func (s *Service) require(ctx context.Context, c Changes) error {
	switch {
	case c.hasHooks():
		return s.client.Require(ctx, "a lifecycle hook or grace period", version.V2_3)
	case len(c.Registry) > 0:
		return s.client.Require(ctx, "a registry login", version.V2_2)
	case len(c.Healthcheck) > 0:
		return s.client.Require(ctx, "a health check", version.V2)
	}
	return nil
}

// secrets are what nobody else may see: the login for a registry, but for its name.
func (c Changes) secrets() (texts []string) {
	for key, value := range c.Registry {
		if value != nil && !strings.EqualFold(key, "username") {
			texts = append(texts, *value)
		}
	}
	return texts
}

// hasHooks reports whether there is something among the changes that some servers of API 2.3 do not know.
func (c Changes) hasHooks() bool {
	return len(c.LifecyclePostStart)+len(c.LifecyclePreStop)+len(c.TerminationGracePeriod) > 0
}

// checkStored returns what of the changes that some servers do not know is not in a config.
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
				return fmt.Errorf("deis: the Controller has not stored %s of %s for app %s: servers before Workflow v2.20 do not, "+
					"and LifecyclePreStop none unless something else changes: %w", f.name, procType, app, errors.ErrUnsupported)
			}
		}
	}
	return nil
}

// Check returns what is wrong with the changes, or nil; Set does so by itself. It refuses changes of nothing, for which
// v1.6 Controllers make a release, health checks that check nothing, grace periods that are no number, and the variables
// that poison an app: real v1.6 Controllers respond to them with 500, store them, and respond to each later change with
// 500 as well, until they are unset.
func (c Changes) Check() error {
	if len(c.Values)+len(c.Memory)+len(c.CPU)+len(c.Tags)+len(c.Healthcheck)+len(c.Registry) == 0 && !c.hasHooks() {
		return rest.InvalidArgument("changes", "must not be empty")
	}
	for key, value := range c.Values {
		unusable := strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || r == '=' })
		if value != nil && (key == "" || unusable) {
			return rest.InvalidArgument(fmt.Sprintf("config key %.100q", key), "must be printable ASCII without spaces and =")
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

// check returns the rule that a probe breaks, or "". Nil takes a probe away.
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
		return "must say how to ask, by HTTPGet, Exec or TCPSocket; nil takes it away"
	case ways > 1:
		return "must ask in one way only, by HTTPGet, Exec or TCPSocket"
	case p.Exec != nil && len(p.Exec.Command) == 0:
		return "must have a command"
	case p.HTTPGet != nil && p.HTTPGet.Port == 0, p.TCPSocket != nil && p.TCPSocket.Port == 0:
		return "must have a port, as a number"
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

// Unset removes environment variables; see Set. If one of them is not set, the error of a 2.x Controller matches ErrNotSet,
// and none is removed.
func (s *Service) Unset(ctx context.Context, app string, keys []string, opts ...rest.CallOption) (*Config, error) {
	changes := Changes{Values: make(map[string]*string, len(keys))}
	for _, key := range keys {
		changes.Values[key] = nil
	}
	return s.Set(ctx, app, changes, opts...)
}
