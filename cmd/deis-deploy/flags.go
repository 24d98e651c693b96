package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

// options are the values of all flags.
type options struct {
	plan    deploy.Plan
	target  target
	dryRun  bool
	verbose bool
	json    bool
	help    bool
	version bool
}

// A usageError is a mistake in the flags, in a file that they name, or in the environment. Nothing was changed.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func misuse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// texts are the values of a flag that can be given several times. They are parsed after all flags, by functions whose
// errors show no values.
type texts []string

func (t *texts) Set(text string) error { *t = append(*t, text); return nil }
func (t *texts) String() string        { return strings.Join(*t, ",") }

// once is the value of a flag that can be given only once: of two apps, one is a mistake.
type once struct {
	flag.Value
	given bool
}

func (o *once) Set(text string) error {
	if o.given {
		return errors.New("the flag is given twice")
	}
	o.given = true
	return o.Value.Set(text)
}

// IsBoolFlag lets a switch be given without a value.
func (o *once) IsBoolFlag() bool {
	b, ok := o.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// raw are the flags that need more parsing.
type raw struct {
	procfile, maintenance, api             string
	set, unset, envFiles                   texts
	scale, limit, cpu, tag, domain, scaler texts
}

// define returns the flags.
func define(o *options, r *raw) *flag.FlagSet {
	flags := flag.NewFlagSet("deis-deploy", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller reports errors
	plan, at := &o.plan, &o.target

	flags.StringVar(&plan.App, "app", "", "`name` of the app; required")
	flags.StringVar(&plan.Image, "image", "", "`image` to deploy; without it the app keeps its image")
	flags.StringVar(&r.procfile, "procfile", "", "`file` with process types and their commands; needs -image")
	flags.BoolVar(&plan.Create, "create", false, "create the app if it does not exist")
	flags.BoolVar(&plan.Force, "force", false, "deploy the image even if the app runs it already, for a tag that has moved")

	flags.Var(&r.set, "set", "environment variable to set, as `NAME=value`")
	flags.Var(&r.unset, "unset", "`NAME` of an environment variable to remove")
	flags.Var(&r.envFiles, "env-file", "`file` with environment variables; later files win over earlier ones, and -set over all")
	flags.Var(&r.scale, "scale", "number of pods of each process type, as `web=3,worker=1`")
	flags.Var(&r.limit, "limit", "memory for each process type, as `web=512M`; web= removes the limit")
	flags.Var(&r.cpu, "limit-cpu", "CPU for each process type, as `web=250m`; web= removes the limit")
	flags.Var(&r.tag, "tag", "tags that a node must have to run the app, as `disk=ssd`; disk= removes the tag")
	flags.Var(&r.domain, "domain", "domain `name` that routes to the app")
	flags.Var(&r.scaler, "autoscale", "minimum and maximum number of pods, and CPU use to aim at, as `web=2-10@75%`; web=off ends it (API 2.3)")
	flags.StringVar(&r.maintenance, "maintenance", "", "maintenance page instead of the app, `on/off` (API 2.3)")

	flags.BoolVar(&plan.Rollback, "rollback", false, "after a failure or a signal, go back to what ran before")
	flags.DurationVar(&plan.Timeout, "timeout", 10*time.Minute, "time limit; going back may take ten minutes more")
	flags.IntVar(&plan.LogLines, "log-lines", 10, "number of `lines` of the app's log to show after a failure")
	flags.BoolVar(&o.dryRun, "dry-run", false, "list what would change, and change nothing")
	flags.BoolVar(&o.json, "json", false, "print JSON, one object per line: events, and finally the result")
	flags.BoolVar(&o.verbose, "v", false, "print every request and response to standard error, without secrets")
	flags.BoolVar(&o.version, "version", false, "print the version")

	flags.StringVar(&at.controller, "controller", "", "`URL` of the Controller, instead of DEIS_CONTROLLER")
	flags.StringVar(&at.username, "username", "", "`user` to log in as, with DEIS_PASSWORD, instead of DEIS_TOKEN")
	flags.StringVar(&at.profile, "profile", "", "`name` of a profile that deis login wrote, or its path, which ends in .json")
	flags.StringVar(&at.caFile, "ca-file", "", "PEM `file` with certificates to trust in addition to the system's")
	flags.BoolVar(&at.embedded, "embedded", false, "deploy to a Controller in memory, to try this program")
	flags.StringVar(&r.api, "api", "2.2", "API `version` of the Controller in memory: 1.6, 2.2 or 2.3")
	return flags
}

// parse reads the flags and the files that they name. Together with an error it returns the options as far as they are
// known, so that the error can be printed as JSON.
func parse(args []string) (*options, error) {
	o, r := new(options), new(raw)
	flags := define(o, r)
	flags.VisitAll(func(f *flag.Flag) {
		if _, repeatable := f.Value.(*texts); !repeatable {
			f.Value = &once{Value: f.Value}
		}
	})
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		o.help = true
		return o, nil
	case err != nil:
		o.json = o.json || wantsJSON(args)
		if strings.Contains(err.Error(), "-timeout: parse error") {
			err = errors.New("-timeout: want a time with a unit, as 90s or 5m")
		}
		return o, usageError{err}
	case o.version:
		return o, nil
	case flags.NArg() > 0: // the error does not show it, because it may be part of a secret
		o.json = o.json || wantsJSON(flags.Args())
		return o, misuse("unexpected argument, number %d of the command line: everything is a flag, and values with spaces need quotes", len(args)-flags.NArg()+1)
	}
	if err = checkValues(flags); err == nil {
		err = o.check()
	}
	if err == nil {
		err = o.read(r)
	}
	if err == nil {
		err = o.plan.Check()
	}
	if err != nil && !errors.As(err, new(usageError)) {
		err = usageError{err}
	}
	return o, err
}

// checkValues refuses what an unset variable of a shell leaves behind.
func checkValues(flags *flag.FlagSet) (err error) {
	flags.Visit(func(f *flag.Flag) {
		value := f.Value.String()
		isText := f.DefValue == "" // not a number or a switch
		switch {
		case value == "":
			err = errors.Join(err, misuse("-%s is empty", f.Name))
		case isText && strings.HasPrefix(value, "-"): // as in -image $UNSET -rollback
			err = errors.Join(err, misuse("-%s has no value: another flag follows it", f.Name))
		}
	})
	return err
}

// wantsJSON looks for -json where the flags cannot be parsed.
func wantsJSON(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		name, value, given := strings.Cut(arg, "=")
		on, _ := strconv.ParseBool(value)
		return (name == "-json" || name == "--json") && (on || !given)
	})
}

func (o *options) check() error {
	switch {
	case o.plan.App == "":
		return misuse("-app is required")
	case o.plan.Timeout <= 0:
		return misuse("-timeout must be positive")
	}
	return o.target.check()
}

// read parses the flags' texts and the files that they name into the plan.
func (o *options) read(r *raw) (err error) {
	config := &o.plan.Config
	steps := []func() error{
		func() error { o.target.api, err = version.Parse(r.api); return err },
		func() error { o.plan.Procfile, err = readFile(r.procfile, parseProcfile); return err },
		func() error { config.Values, err = variables(r); return err },
		func() error { o.plan.Scale, err = counts(r.scale); return err },
		func() error { config.Memory, err = removable("-limit", r.limit); return err },
		func() error { config.CPU, err = removable("-limit-cpu", r.cpu); return err },
		func() error { config.Tags, err = removable("-tag", r.tag); return err },
		func() error { o.plan.Domains, err = names("-domain", r.domain); return err },
		func() error { o.plan.Autoscale, err = bounds(r.scaler); return err },
		func() error { o.plan.Maintenance, err = onOrOff("-maintenance", r.maintenance); return err },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return usageError{err}
		}
	}
	return nil
}

// readFile reads and parses a file, unless path is empty.
func readFile(path string, parse func(string) (map[string]string, error)) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values, err := parse(string(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

// variables gathers the environment variables: the files in their order, then -set and -unset.
func variables(r *raw) (map[string]*string, error) {
	if len(r.envFiles)+len(r.set)+len(r.unset) == 0 {
		return nil, nil
	}
	all := make(map[string]*string)
	for _, path := range r.envFiles {
		values, err := readFile(path, parseEnv)
		if err != nil {
			return nil, err
		}
		for name, value := range values {
			all[name] = &value
		}
	}
	given, err := pairs("-set", r.set, false)
	if err != nil {
		return nil, err
	}
	for name, value := range given {
		all[name] = &value
	}
	removed, err := names("-unset", r.unset)
	for _, name := range removed {
		if _, both := given[name]; both {
			return nil, fmt.Errorf("%s is both in -set and in -unset", name)
		}
		all[name] = nil
	}
	return all, err
}

// pairs parses NAME=value, or lists of such pairs. Its errors show no values.
func pairs(flagName string, given texts, lists bool) (map[string]string, error) {
	all := make(map[string]string)
	for _, text := range given {
		parts := []string{text}
		if lists {
			parts = strings.Split(text, ",")
		}
		for _, part := range parts {
			name, value, found := strings.Cut(part, "=")
			if name = strings.TrimSpace(name); !found || name == "" || strings.HasPrefix(name, "-") {
				return nil, fmt.Errorf("%s: want a name, an equal sign and a value", flagName)
			}
			if _, twice := all[name]; twice {
				return nil, fmt.Errorf("%s: %s is given twice", flagName, name)
			}
			if lists {
				value = strings.TrimSpace(value)
			}
			all[name] = value
		}
	}
	return all, nil
}

// removable parses pairs. Those without a value stand for something to remove, and are nil.
func removable(flagName string, given texts) (map[string]*string, error) {
	values, err := pairs(flagName, given, true)
	all := make(map[string]*string, len(values))
	for name, value := range values {
		all[name] = nil
		if value != "" {
			all[name] = &value
		}
	}
	return all, err
}

func counts(given texts) (map[string]int, error) {
	values, err := pairs("-scale", given, true)
	all := make(map[string]int, len(values))
	for _, procType := range slices.Sorted(maps.Keys(values)) {
		number, err := strconv.Atoi(values[procType])
		if err != nil || number < 0 {
			return nil, fmt.Errorf("-scale: want a number for %s, as %[1]s=3", procType)
		}
		all[procType] = number
	}
	return all, err
}

var autoscale = regexp.MustCompile(`^(\d{1,6})-(\d{1,6})@(\d{1,6})%?$`)

// bounds parses 2-10@75%, or off.
func bounds(given texts) (map[string]*settings.Autoscale, error) {
	values, err := pairs("-autoscale", given, true)
	all := make(map[string]*settings.Autoscale, len(values))
	for _, procType := range slices.Sorted(maps.Keys(values)) {
		if all[procType] = nil; values[procType] == "off" {
			continue
		}
		found := autoscale.FindStringSubmatch(values[procType])
		if found == nil {
			return nil, fmt.Errorf("-autoscale: want bounds and a CPU percentage for %s, as %[1]s=2-10@75%%, or %[1]s=off", procType)
		}
		var numbers [3]int
		for i := range numbers {
			numbers[i], _ = strconv.Atoi(found[i+1]) // at most six digits
		}
		all[procType] = &settings.Autoscale{Min: numbers[0], Max: numbers[1], CPUPercent: numbers[2]}
	}
	return all, err
}

func names(flagName string, given texts) ([]string, error) {
	var all []string
	for _, text := range given {
		for name := range strings.SplitSeq(text, ",") {
			if name = strings.TrimSpace(name); name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, "= \t") {
				return nil, fmt.Errorf("%s: want names without values", flagName)
			}
			if slices.Contains(all, name) {
				return nil, fmt.Errorf("%s: %s is given twice", flagName, name)
			}
			all = append(all, name)
		}
	}
	return all, nil
}

func onOrOff(flagName, text string) (*bool, error) {
	on := text == "on"
	switch text {
	case "":
		return nil, nil
	case "on", "off":
		return &on, nil
	}
	return nil, fmt.Errorf("%s: want on or off", flagName)
}
