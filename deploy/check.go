package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

// Check returns what is wrong with the plan, or nil. Run and Diff call it before they send anything.
func (p Plan) Check() error {
	for _, check := range []func() error{p.checkApp, p.checkScale, p.checkDomains, p.checkAutoscale} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p Plan) checkApp() error {
	if err := rest.Path("apps", p.App).Err(); err != nil {
		return err
	}
	if p.Image != "" {
		if err := p.build().Check(); err != nil {
			return err
		}
	}
	if len(partsOf(p.Config)) > 0 {
		if err := p.Config.Check(); err != nil {
			return err
		}
	}
	switch {
	case p.Image == "" && (len(p.Procfile) > 0 || p.SHA != "" || p.Dockerfile != "" || p.Force):
		return rest.InvalidArgument("image", "is required if the plan has a Procfile, a SHA, a Dockerfile or Force")
	case p.Interval < 0 || p.Timeout < 0 || p.LogLines < 0:
		return rest.InvalidArgument("Interval, Timeout and LogLines", "must not be negative")
	}
	return nil
}

func (p Plan) build() builds.CreateParams {
	return builds.CreateParams{Image: p.Image, SHA: p.SHA, Dockerfile: p.Dockerfile, Procfile: p.Procfile}
}

func (p Plan) checkScale() error {
	for _, procType := range slices.Sorted(maps.Keys(p.Scale)) {
		if err := rest.Path("apps", p.App, "pods", procType).Err(); err != nil {
			return err
		}
		if p.Scale[procType] < 0 {
			return rest.InvalidArgument("number of "+procType, "must not be negative")
		}
	}
	if len(p.Procfile) == 0 { // then the app's current build decides
		return nil
	}
	return p.checkTypes(p.Procfile)
}

// checkTypes refuses to scale a type that the Procfile lacks: a Controller then refuses the numbers of all types, and would run
// an autoscaler for nothing. Every app may have a "cmd", and scaling a missing type to 0 is not a mistake.
func (p Plan) checkTypes(procfile map[string]string) error {
	needed := maps.Clone(p.Scale)
	for procType, autoscale := range p.Autoscale {
		if autoscale != nil {
			needed = merged(needed, map[string]int{procType: autoscale.Min})
		}
	}
	for _, procType := range slices.Sorted(maps.Keys(needed)) {
		if needed[procType] > 0 && !hasType(procfile, procType) {
			types := strings.Join(slices.Sorted(maps.Keys(procfile)), ", ")
			if types == "" {
				types = "there is none"
			}
			return rest.InvalidArgument(fmt.Sprintf("process type %q", procType), "is not in the Procfile: "+types)
		}
	}
	return nil
}

func hasType(procfile map[string]string, procType string) bool {
	return procType == "cmd" || hasKey(procfile, procType)
}

func hasKey[V any](m map[string]V, key string) bool {
	_, found := m[key]
	return found
}

func (p Plan) checkDomains() error {
	seen := make(map[string]bool)
	for _, name := range p.Domains {
		if strings.ContainsFunc(name, func(c rune) bool { return c > unicode.MaxASCII }) {
			return rest.InvalidArgument(fmt.Sprintf("domain %q", name), `must be in its ASCII form, "xn--…"`)
		}
		if err := rest.Check("apps/*/domains/*", name); err != nil {
			return err
		}
		if seen[hostName(name)] {
			return rest.InvalidArgument(fmt.Sprintf("domain %q", name), "is named twice")
		}
		seen[hostName(name)] = true
	}
	return nil
}

// hostName returns a host name in a form that can be compared.
func hostName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func (p Plan) checkAutoscale() error {
	for _, procType := range slices.Sorted(maps.Keys(p.Autoscale)) {
		if err := rest.Path("apps", p.App, "pods", procType).Err(); err != nil {
			return err
		}
		if a := p.Autoscale[procType]; a != nil && (a.Min < 1 || a.Max < a.Min || a.CPUPercent < 1) {
			return rest.InvalidArgument("autoscaler of "+procType, "must have 1 <= Min <= Max and a CPUPercent")
		}
	}
	return nil
}

// needs returns what in the plan not every API version has, and the oldest version that has it.
func (p Plan) needs() (what string, api version.API) {
	if p.hasSettings() {
		return "an app's settings", version.V2_3
	}
	return p.Config.Needs()
}

// hasSettings reports whether the plan changes settings, which only API 2.3 has.
func (p Plan) hasSettings() bool { return p.Maintenance != nil || len(p.Autoscale) > 0 }

func (p Plan) settings() settings.Changes {
	return settings.Changes{Maintenance: p.Maintenance, Autoscale: p.Autoscale}
}
