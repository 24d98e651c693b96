// Command deis-deploy is a deploy step for CI: it brings an app to what its flags say, waits until it runs, and rolls it
// back if it does not.
//
//	go -C cmd/deis-deploy build -o "$PWD/bin/" .    # go run hides the exit status
//	bin/deis-deploy -app example-go -image deis/example-go:v2 -procfile Procfile -config prod.env \
//	    -scale web=3,worker=1 -create -rollback -timeout 10m
//
// The Controller and the token come from DEIS_CONTROLLER and DEIS_TOKEN, or else from the profile that deis login left;
// -embedded deploys to a Controller in memory instead. Run twice, it changes nothing the second time.
//
// Exit status: 0 deployed, 1 failed, 2 wrong usage, 3 failed and rolled back.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/version"
)

// The exit statuses.
const (
	deployed = iota
	failed
	wrongUsage
	rolledBack
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, isTerminal(os.Stdout)))
}

// run is the program; live says that a person watches out.
func run(ctx context.Context, args []string, out, errOut io.Writer, live bool) int {
	o, err := parse(args, errOut)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return deployed
	case err != nil:
		fmt.Fprintln(errOut, "deis-deploy:", err)
		return wrongUsage
	}
	client, closeAll, err := o.connect()
	if err != nil {
		fmt.Fprintln(errOut, "deis-deploy:", oneLine(err))
		return failed
	}
	defer closeAll()
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()

	var report reporter = &lines{out: out, live: live}
	if o.json {
		report = &jsonLines{json.NewEncoder(out)}
	}
	o.plan.Progress = report.event
	result, err := deploy.Run(ctx, client, o.plan)
	if errors.Is(err, deis.ErrNotFound) && result.Previous == 0 && !o.plan.Create {
		err = fmt.Errorf("%w (-create makes the app)", err)
	}
	report.end(result, err)
	switch {
	case err == nil:
		return deployed
	case errors.Is(err, deis.ErrInvalidArgument):
		return wrongUsage
	case result.RolledBack:
		return rolledBack
	}
	return failed
}

// options are what the flags say.
type options struct {
	plan     deploy.Plan
	timeout  time.Duration
	json     bool
	embedded bool
	api      version.API
}

func parse(args []string, errOut io.Writer) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("deis-deploy", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&o.plan.App, "app", "", "`name` of the app; needed")
	flags.StringVar(&o.plan.Image, "image", "", "`image` to deploy; needed")
	flags.BoolVar(&o.plan.Create, "create", false, "create the app if there is none")
	flags.BoolVar(&o.plan.Rollback, "rollback", false, "after a failure, go back to what ran before")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Minute, "how long it may take, without a rollback")
	flags.BoolVar(&o.json, "json", false, "print JSON, one object a line: the events, and the result at last")
	flags.BoolVar(&o.embedded, "embedded", false, "deploy to a Controller in memory, to try this program")
	procfile := flags.String("procfile", "", "`file` with the process types and their commands, as \"web: ./server\"")
	config := flags.String("config", "", "`file` with the environment variables, as NAME=value")
	scale := flags.String("scale", "", "how many processes of each type, as `web=3,worker=1`")
	api := flags.String("api", "2.2", "API `version` of the Controller in memory, 1.6 or 2.2")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q: everything is a flag", flags.Arg(0))
	case o.plan.App == "":
		return nil, errors.New("-app is needed")
	case o.plan.Image == "":
		return nil, errors.New("-image is needed")
	case o.timeout <= 0:
		return nil, errors.New("-timeout must be positive")
	}
	var err error
	if o.api, err = version.Parse(*api); err != nil {
		return nil, err
	}
	if o.plan.Procfile, err = readFile(*procfile, parseProcfile); err != nil {
		return nil, err
	}
	if o.plan.Config, err = readFile(*config, parseEnv); err != nil {
		return nil, err
	}
	if o.plan.Scale, err = parseScale(*scale); err != nil {
		return nil, err
	}
	return o, nil
}

// connect makes the client, and says what to do when it is no longer needed.
func (o *options) connect() (*deis.Client, func(), error) {
	if !o.embedded {
		client, err := deis.FromEnv(deis.WithApplication("deis-deploy", version.SDK))
		return client, func() {}, err
	}
	server := deistest.NewServer(deistest.WithAPIVersion(o.api), deistest.WithStartDelay(time.Second))
	client, err := deis.New(server.URL, deis.WithToken(server.Token))
	return client, server.Close, err
}

// A reporter tells what happens.
type reporter interface {
	event(deploy.Event)
	end(*deploy.Result, error)
}

// lines tells it in lines for people. On a terminal, a line about waiting takes the place of the one before.
type lines struct {
	out      io.Writer
	live     bool
	replaced bool // the last line may be replaced
}

func (l *lines) event(e deploy.Event) {
	l.print(e.Step == deploy.StepWait || e.Step == deploy.StepRollback && e.Want > 0,
		"%6.1fs  %-8s  %s", e.Elapsed.Seconds(), e.Step, e.Message)
}

func (l *lines) print(replaceable bool, format string, args ...any) {
	if l.replaced {
		fmt.Fprint(l.out, "\x1b[1A\x1b[2K") // up, and clear
	}
	fmt.Fprintf(l.out, format+"\n", args...)
	l.replaced = l.live && replaceable
}

func (l *lines) end(result *deploy.Result, err error) {
	l.replaced = false
	switch {
	case err != nil && result.RolledBack:
		l.print(false, "FAILED, and rolled back: release v%d runs what v%d ran\n%s", result.Release, result.Previous, err)
	case err != nil:
		l.print(false, "FAILED\n%s", err)
	case !result.Changed():
		l.print(false, "nothing to do: release v%d, %d pods up", result.Release, len(result.Pods))
	default:
		l.print(false, "deployed: release v%d, %d pods up", result.Release, len(result.Pods))
	}
}

// jsonLines tells it to machines.
type jsonLines struct{ *json.Encoder }

func (j *jsonLines) event(e deploy.Event) {
	j.Encode(struct {
		Step    deploy.Step `json:"step"`
		Message string      `json:"message"`
		Release int         `json:"release"`
		Up      int         `json:"up"`
		Want    int         `json:"want"`
		Seconds float64     `json:"seconds"`
	}{e.Step, e.Message, e.Release, e.Up, e.Want, e.Elapsed.Seconds()})
}

func (j *jsonLines) end(result *deploy.Result, err error) {
	last := struct {
		OK            bool           `json:"ok"`
		Error         string         `json:"error,omitempty"`
		Changed       bool           `json:"changed"`
		RolledBack    bool           `json:"rolled_back"`
		Created       bool           `json:"created"`
		Built         bool           `json:"built"`
		ConfigChanged []string       `json:"config_changed"`
		Scaled        map[string]int `json:"scaled"`
		Previous      int            `json:"previous"`
		Release       int            `json:"release"`
		Pods          int            `json:"pods"`
	}{
		OK: err == nil, Changed: result.Changed(), RolledBack: result.RolledBack, Created: result.Created, Built: result.Built,
		ConfigChanged: result.ConfigChanged, Scaled: result.Scaled, Previous: result.Previous, Release: result.Release,
		Pods: len(result.Pods),
	}
	if err != nil {
		last.Error = err.Error()
	}
	j.Encode(last)
}

// oneLine writes the errors of several settings, which come joined, in one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
