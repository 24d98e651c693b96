package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
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
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

// The sweep runs every scenario on every Controller with every fault at every request, and compares the state of the app
// afterwards with what Result and error say. "go test" runs a part of it; DEPLOY_SWEEP=all runs all of it.

// controllers are the Controllers of the stories and the sweep.
var controllers = map[string][]deistest.Option{
	"1.6":       {deistest.WithAPIVersion(version.V1_6)},
	"2.2":       {deistest.WithAPIVersion(version.V2_2)},
	"2.3":       {deistest.WithAPIVersion(version.V2_3)},
	"2.3-early": {deistest.WithAPIVersion(version.V2_3), deistest.WithEarly23()},
}

// scenarios change the plan that the app was deployed with.
var scenarios = map[string]struct {
	fresh    bool // there is no app before
	crashes  bool // the pods of the new release do
	settings bool // API 2.3 only
	change   func(*deploy.Plan)
}{
	"fresh":                   {fresh: true, change: func(*deploy.Plan) {}},
	"fresh and refused":       {fresh: true, change: func(p *deploy.Plan) { p.Image = "deis/nonexistent:1" }},
	"update":                  {change: update},
	"update without rollback": {change: func(p *deploy.Plan) { update(p); p.Rollback = false }},
	"nothing to change":       {change: func(*deploy.Plan) {}},
	"crash":                   {crashes: true, change: update},
	"image refused":           {change: func(p *deploy.Plan) { update(p); p.Image = "deis/nonexistent:1" }},
	"deploy refused":          {change: func(p *deploy.Plan) { update(p); p.Image = "deis/example-go:k8s-fail" }},
	"refused for one type": {change: func(p *deploy.Plan) { // and the plan changes the number of another
		p.Image, p.Scale["web"] = "deis/example-go:k8s-fail-worker", 3
	}},
	"refused, no rollback": {change: func(p *deploy.Plan) { update(p); p.Image, p.Rollback = "deis/example-go:k8s-fail", false }},
	"config refused":       {change: func(p *deploy.Plan) { p.Config.Values["K8S_FAIL"] = value("worker") }},
	"config refused, no rollback": {change: func(p *deploy.Plan) {
		p.Config.Values["K8S_FAIL"], p.Rollback = value("worker"), false
	}},
	"new type":               {change: newType},
	"new type and crash":     {crashes: true, change: newType},
	"dropped type":           {change: dropType},
	"dropped type and crash": {crashes: true, change: dropType},
	"config only": {change: func(p *deploy.Plan) {
		p.Image, p.Procfile = "", nil
		p.Config.Values["GREETING"] = value("good morning")
	}},
	"scale only":                    {change: func(p *deploy.Plan) { p.Image, p.Procfile, p.Scale = "", nil, map[string]int{"web": 4, "worker": 0} }},
	"domains and settings, refused": {settings: true, change: func(p *deploy.Plan) { route(p); p.Image = "deis/nonexistent:1" }},
	"domains and settings":          {settings: true, change: route},
	"settings and crash":            {settings: true, crashes: true, change: route},
	"scale refused":                 {change: func(p *deploy.Plan) { p.Scale["web"] = 99 }},
}

func route(p *deploy.Plan) {
	update(p)
	yes := true
	p.Domains, p.Maintenance = []string{"www.example.com", "example.com"}, &yes
	p.Autoscale = map[string]*settings.Autoscale{"web": {Min: 2, Max: 5, CPUPercent: 50}}
}

func update(p *deploy.Plan) {
	p.Image, p.Config.Values["GREETING"], p.Scale["web"] = "deis/example-go:v2", value("good morning"), 3
}

func newType(p *deploy.Plan) { update(p); p.Procfile["clock"], p.Scale["clock"] = "tick", 1 }

func dropType(p *deploy.Plan) { update(p); delete(p.Procfile, "worker"); delete(p.Scale, "worker") }

// faults strike one request.
var faults = map[string]deistest.Fault{
	"cancel":                         {}, // of the context of Run, while the request is under way
	"dropped before the work":        {Drop: true},
	"dropped after the work":         {Drop: true, After: true},
	"dropped, landing after 5s":      {Drop: true, Late: 5 * time.Second},
	"504, landing after 60s":         {Status: 504, Body: "<h1>504</h1>", ContentType: "text/html", Proxy: true, Late: time.Minute},
	"503 of a gateway, landing late": {Status: 503, Body: "no healthy upstream", ContentType: "text/plain", Proxy: true, Late: 20 * time.Second},
	"499 of a gateway, done":         {Status: 499, Proxy: true, After: true},
	"524 of a gateway, not done":     {Status: 524, Proxy: true},
	"404 of a gateway":               {Status: 404, Body: `{"message":"no Route matched"}`, Proxy: true},
	"408 of a gateway, landing late": {Status: 408, Proxy: true, Late: 10 * time.Second},
	"503 of the Controller":          {Status: 503, Body: `{"detail":"no"}`},
	"500 of the Controller, done":    {Status: 500, Body: "<h1>Server Error (500)</h1>", ContentType: "text/html", After: true},
	"400 of the Controller":          {Status: 400, Body: `{"detail":"no"}`},
	"403 of the Controller":          {Status: 403, Body: `{"detail":"no"}`},
	"200 of something else":          {Status: 200, Body: `{"message":"please log in"}`, Proxy: true},
	"200 of something else, done":    {Status: 200, Body: "<h1>hi</h1>", ContentType: "text/html", Proxy: true, After: true},
	"429":                            {Status: 429, Proxy: true, Header: map[string]string{"Retry-After": "20"}},
	"cut off":                        {Truncate: true},
	"hangs, landing after 30s":       {Hang: true, Late: 30 * time.Second},
}

// others are what other people do at one request.
var others = map[string]func(s stage) error{
	"deploys": func(s stage) error {
		_, err := s.Builds.Create(context.Background(), "example-go", builds.CreateParams{Image: "deis/other:v9", Procfile: plan().Procfile})
		return err
	},
	"changes the config": func(s stage) error {
		_, err := s.Config.SetValues(context.Background(), "example-go", map[string]string{"SOMEBODY": "else"})
		return err
	},
	"scales": func(s stage) error { return s.Pods.Scale(context.Background(), "example-go", map[string]int{"web": 5}) },
	"rolls back": func(s stage) error {
		_, err := s.Releases.Rollback(context.Background(), "example-go", 0)
		return err
	},
	"deletes": func(s stage) error { return s.Apps.Delete(context.Background(), "example-go") },
	"deletes and recreates": func(s stage) error {
		if err := s.Apps.Delete(context.Background(), "example-go"); err != nil {
			return err
		}
		_, err := s.Apps.Create(context.Background(), apps.CreateParams{ID: "example-go"})
		return err
	},
	"upgrades": func(s stage) error {
		if s.controller.APIVersion() == version.V1_6 {
			s.controller.SetAPIVersion(version.V2_2)
		}
		return nil
	},
}

// A truth is the real state of an app.
type truth struct {
	app                 string // its UUID; "" if there is none
	image               string
	procfile, config    map[string]string
	structure, up, live map[string]int
	maintenance         bool
	autoscale           map[string]settings.Autoscale
	domains             []string
	release             int
	build               string
}

func (s stage) truth(t *testing.T) (it truth) {
	ctx := context.Background()          // the test's is of outside the bubble
	_, _ = s.Apps.Get(ctx, "example-go") // after an upgrade one call fails
	app, err := s.Apps.Get(ctx, "example-go")
	if errors.Is(err, deis.ErrNotFound) {
		return it
	}
	require.NoError(t, err)
	it.app, it.structure = app.UUID, maps.Clone(map[string]int(app.Structure))
	maps.DeleteFunc(it.structure, func(_ string, n int) bool { return n == 0 })
	have, err := s.Config.Get(ctx, "example-go")
	require.NoError(t, err)
	it.config = have.Values
	current, err := s.Releases.Current(ctx, "example-go")
	require.NoError(t, err)
	it.release, it.build = current.Version, current.Build
	for build, err := range s.Builds.All(ctx, "example-go", deis.ListOptions{}) {
		require.NoError(t, err)
		if build.UUID == current.Build {
			it.image, it.procfile = build.Image, build.Procfile
		}
	}
	for domain, err := range s.Domains.All(ctx, "example-go", deis.ListOptions{}) {
		require.NoError(t, err)
		it.domains = append(it.domains, domain.Domain)
	}
	if s.controller.APIVersion() == version.V2_3 {
		set, err := s.Settings.Get(ctx, "example-go")
		require.NoError(t, err)
		it.maintenance, it.autoscale = set.Maintenance, set.Autoscale
	}
	it.up, it.live = map[string]int{}, map[string]int{}
	for pod, err := range s.Pods.All(ctx, "example-go", pods.ListOptions{}) {
		require.NoError(t, err)
		it.live[pod.Type]++
		if pod.Up() {
			it.up[pod.Type]++
		}
	}
	return it
}

// differs describes how an app differs from what it was, except for the numbers of its releases, and for domains, which stay.
func (it truth) differs(was truth) string {
	it.release, was.release, it.build, was.build, it.domains, was.domains = 0, 0, "", "", nil, nil
	if a, b := fmt.Sprintf("%+v", it), fmt.Sprintf("%+v", was); a != b {
		return a + " is not " + b
	}
	return ""
}

// A sweep is one run.
type sweep struct {
	controller, scenario, what string
	fault                      *deistest.Fault
	other                      func(stage) error
	at                         int // the request that it strikes; 0: none
}

func (w sweep) String() string {
	return fmt.Sprintf("%s/%s/%s at %d", w.controller, w.scenario, w.what, w.at)
}

// run makes one run, and returns the number of its requests and its problems.
func (w sweep) run(t *testing.T) (requests int, problems []string) {
	synctest.Test(t, func(t *testing.T) {
		scenario := scenarios[w.scenario]
		controller := deistest.New(append(slices.Clone(controllers[w.controller]), deistest.WithStartDelay(startDelay))...)
		client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
		require.NoError(t, err)
		s := stage{client, controller}
		if !scenario.fresh {
			p := plan()
			_, err := deploy.Run(context.Background(), client, p)
			require.NoError(t, err)
		}
		before := s.truth(t)
		p := plan()
		p.Rollback, p.Timeout = true, 20*time.Minute
		scenario.change(&p)
		if scenario.crashes {
			s.crashing(t, &p)
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var theirs error
		count, since := 0, len(controller.Requests())
		struck := s.through(t, func(r *http.Request) (*http.Response, error) {
			if count++; count == w.at {
				switch {
				case w.other != nil:
					theirs = w.other(s)
				case w.what == "cancel":
					cancel()
				default:
					fault := *w.fault
					fault.Method, fault.Path, fault.Times = r.Method, r.URL.Path, 1
					controller.AddFault(fault)
				}
			}
			defer controller.ClearFaults() // it must strike nobody else
			return controller.Transport().RoundTrip(r)
		})
		result, err := deploy.Run(ctx, struck, p)
		requests = count
		sent := controller.Requests()[since:]
		now := s.truth(t)
		time.Sleep(10 * time.Minute)
		controller.ClearFaults()
		later := s.truth(t)
		if w.other == nil {
			problems = w.judge(p, before, now, later, result, err)
		} else {
			seen := w.at <= requests-6 // by the last observation of the run
			problems = w.judgeWithOthers(p, before, later, sent, seen, err, theirs)
		}
		problems = append(problems, twice(sent)...)
		if w.at <= requests {
			problems = append(problems, s.converges(t, errors.Is(err, deploy.ErrUndone) || later.config["K8S_FAIL"] != "")...)
		}
		if len(problems) > 0 {
			problems = append(problems, fmt.Sprintf("error: %v; result: %s", err, brief(result)))
		}
		time.Sleep(time.Minute)
	})
	return requests, problems
}

// brief is a result without its pods.
func brief(result *deploy.Result) string {
	short := *result
	short.Pods = nil
	return fmt.Sprintf("%+v", short)
}

// judge compares the app with the result and the error.
func (w sweep) judge(p deploy.Plan, before, now, later truth, result *deploy.Result, err error) (problems []string) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	switch {
	case err == nil:
		if d := missing(p, later); d != "" {
			add("no error, but %s", d)
		}
	case errors.Is(err, deploy.ErrSuperseded):
		add("nobody else was there")
	case p.Rollback && before.image != "" && !errors.Is(err, deploy.ErrUndone):
		if d := later.differs(before); d != "" {
			add("nothing is left undone, but %s", d)
		}
	}
	if d := wrongIn(p, before, now, result); d != "" && !strings.Contains(fmt.Sprint(err), "could not be observed") {
		add("the result is wrong at the end: %s", d)
	}
	if d := wrongIn(p, before, later, result); d != "" && !errors.Is(err, deploy.ErrUndone) {
		add("the result is wrong later: %s", d)
	}
	return problems
}

// judgeWithOthers compares the app with the result and the error when somebody else did something.
func (w sweep) judgeWithOthers(p deploy.Plan, before, later truth, sent []deistest.Request, seen bool, err, theirs error) (problems []string) {
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	superseded := errors.Is(err, deploy.ErrSuperseded)
	if w.what == "scales" {
		delete(p.Scale, "web")
	}
	if d := missing(p, later); err == nil && d != "" && seen && w.what != "deletes" && w.what != "deletes and recreates" {
		add("no error, but %s", d)
	}
	switch {
	case theirs != nil || superseded || before.app == "" || w.at <= 6: // after the first observation, the app is known
	case w.what == "scales" && wasSeen(sent) && err != nil && p.Rollback && !errors.Is(err, deploy.ErrUndone) && later.structure["web"] != 5:
		add("the numbers of somebody else are gone: %v", later.structure)
	case w.what == "deletes and recreates" && later.image != "":
		add("the new app was changed: %+v", later)
	case w.what == "changes the config" && later.config["SOMEBODY"] != "else":
		add("the change of somebody else is gone: %+v", later)
	case w.what == "deploys" && later.image != "deis/other:v9" && err != nil:
		add("the deploy of somebody else is gone: %+v", later)
	}
	return problems
}

// wasSeen reports whether the run observed the numbers that somebody else set, before it set numbers itself.
func wasSeen(sent []deistest.Request) bool {
	theirs := slices.IndexFunc(sent, func(r deistest.Request) bool { return strings.Contains(r.Body, `{"web":5}`) })
	for i, r := range sent[theirs+1:] {
		if strings.HasSuffix(r.Path, "/scale/") {
			return false
		}
		if strings.HasSuffix(r.Path, "/pods/") && strings.HasSuffix(sent[theirs+i].Path, "/apps/example-go/") {
			return i > 0
		}
	}
	return false
}

// missing describes what in a plan the app is not.
func missing(p deploy.Plan, it truth) string {
	switch {
	case p.Image != "" && it.image != p.Image:
		return "the image is " + it.image
	case len(p.Procfile) > 0 && !maps.Equal(it.procfile, p.Procfile):
		return fmt.Sprintf("the Procfile is %v", it.procfile)
	}
	for key, value := range p.Config.Values {
		if have, set := it.config[key]; set != (value != nil) || set && have != *value {
			return fmt.Sprintf("%s is %q", key, have)
		}
	}
	for _, domain := range p.Domains {
		if !slices.Contains(it.domains, domain) {
			return "the domains are " + strings.Join(it.domains, ", ")
		}
	}
	if p.Maintenance != nil && (it.maintenance != *p.Maintenance || it.autoscale["web"] != *p.Autoscale["web"]) {
		return fmt.Sprintf("the settings are %v %v", it.maintenance, it.autoscale)
	}
	for procType, n := range p.Scale {
		if it.structure[procType] != n {
			return fmt.Sprintf("the numbers are %v", it.structure)
		}
	}
	return it.down()
}

// down describes the pods that are not up.
func (it truth) down() string {
	for procType, n := range it.structure {
		if _, scaled := it.autoscale[procType]; scaled {
			n = it.autoscale[procType].Min
		}
		if _, runs := it.procfile[procType]; it.up[procType] < n && (runs || procType == "cmd") {
			return fmt.Sprintf("%v are up of %v", it.up, it.structure)
		}
	}
	return ""
}

// wrongIn describes what a result claims and the app is not.
func wrongIn(p deploy.Plan, before, it truth, result *deploy.Result) string {
	var changed []string
	for _, key := range slices.Sorted(maps.Keys(p.Config.Values)) {
		if before.config[key] != it.config[key] {
			changed = append(changed, key)
		}
	}
	scaled := map[string]int{}
	if before.app == "" && it.app != "" || before.app != "" {
		for procType := range it.structure {
			if before.structure[procType] != it.structure[procType] {
				scaled[procType] = it.structure[procType]
			}
		}
		for procType := range before.structure {
			if it.structure[procType] == 0 {
				scaled[procType] = 0
			}
		}
	}
	var added, set []string
	for _, domain := range p.Domains {
		if slices.Contains(it.domains, domain) && !slices.Contains(before.domains, domain) {
			added = append(added, domain)
		}
	}
	if !maps.Equal(before.autoscale, it.autoscale) {
		set = append(set, "autoscale.web")
	}
	if before.maintenance != it.maintenance {
		set = append(set, "maintenance")
	}
	switch {
	case result.Previous != 0 && !slices.Equal(added, result.DomainsAdded):
		return fmt.Sprintf("DomainsAdded: %v", added)
	case !slices.Equal(set, result.SettingsChanged):
		return fmt.Sprintf("SettingsChanged: %v", set)
	case result.Created != (before.app == "" && it.app != ""):
		return fmt.Sprintf("Created, app %q before, %q now", before.app, it.app)
	case it.app != "" && result.Release != it.release && result.Previous != 0:
		return fmt.Sprintf("Release: it is %d", it.release)
	case before.app != "" && result.Previous != before.release && result.Previous != 0:
		return fmt.Sprintf("Previous: it was %d", before.release)
	case result.Built != (it.image != before.image):
		return "Built: it runs " + it.image
	case !slices.Equal(changed, result.ConfigChanged):
		return fmt.Sprintf("ConfigChanged: %v", changed)
	case !maps.Equal(scaled, result.Scaled):
		return fmt.Sprintf("Scaled: %v", scaled)
	}
	return ""
}

// twice lists the builds and config changes that were sent twice.
func twice(sent []deistest.Request) (problems []string) {
	seen := map[string]int{}
	for _, r := range sent {
		if r.Method == http.MethodPost && (strings.HasSuffix(r.Path, "/builds/") || strings.HasSuffix(r.Path, "/config/")) && r.Status != 429 && r.Status != 404 {
			if seen[r.Body+r.Path]++; seen[r.Body+r.Path] == 2 {
				problems = append(problems, "sent twice: "+r.String())
			}
		}
	}
	return problems
}

// converges makes a good run after a failed one.
func (s stage) converges(t *testing.T, poisoned bool) (problems []string) {
	p := plan()
	p.Image, p.Timeout = "deis/example-go:v3", 20*time.Minute
	p.Config.Values["GREETING"] = value("at last")
	if poisoned { // where something is left undone, v1.6 Controllers do not show it
		p.Config.Values["K8S_FAIL"] = nil
	}
	client := s.through(t, func(r *http.Request) (*http.Response, error) { return s.controller.Transport().RoundTrip(r) })
	_, err := deploy.Run(context.Background(), client, p)
	if err != nil {
		return []string{fmt.Sprintf("a good plan failed: %v", err)}
	}
	if d := missing(p, s.truth(t)); d != "" {
		return []string{"after a good plan " + d}
	}
	return nil
}

func TestTheAppIsNeverWorseThanTold(t *testing.T) {
	stride := 499
	if os.Getenv("DEPLOY_SWEEP") == "all" {
		stride = 1
	} else if n, err := strconv.Atoi(os.Getenv("DEPLOY_SWEEP")); err == nil {
		stride = n
	}
	for i, controller := range slices.Sorted(maps.Keys(controllers)) {
		for j, scenario := range slices.Sorted(maps.Keys(scenarios)) {
			if scenarios[scenario].settings && !strings.HasPrefix(controller, "2.3") {
				continue
			}
			t.Run(controller+"/"+scenario, func(t *testing.T) {
				t.Parallel()
				runs, all, start := 1, 1, time.Now()
				requests, problems := sweep{controller: controller, scenario: scenario, what: "nothing"}.run(t)
				assert.Empty(t, problems)
				try := func(w sweep) {
					if all++; (all+31*i+7*j)%stride == 0 {
						runs++
						_, problems := w.run(t)
						assert.Empty(t, problems, "%s", w)
					}
				}
				for at := 1; at <= requests; at++ {
					for _, what := range slices.Sorted(maps.Keys(faults)) {
						fault := faults[what]
						try(sweep{controller: controller, scenario: scenario, what: what, fault: &fault, at: at})
					}
					for _, what := range slices.Sorted(maps.Keys(others)) {
						try(sweep{controller: controller, scenario: scenario, what: what, other: others[what], at: at})
					}
				}
				t.Logf("%d of %d runs in %v", runs, all, time.Since(start).Round(time.Millisecond))
			})
		}
	}
}
