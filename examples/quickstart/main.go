// Command quickstart takes an app through its whole life with the SDK: it creates, configures, deploys and scales the
// app, gives it a domain with a certificate, shares it, reads its log, rolls it back and deletes it.
//
//	go run ./examples/quickstart                     # a Controller in memory, API 2.2
//	go run ./examples/quickstart -api 1.6            # the same program against API 1.6
//	DEIS_PASSWORD=… go run ./examples/quickstart -controller https://deis.example.com -username alice
//
// Everything that it creates has a random name and is deleted at the end, also after an error or a signal, and when its
// output is closed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/keys"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/version"
)

func main() {
	var o options
	flag.StringVar(&o.api, "api", "2.2", "API `version` of the Controller in memory, 1.6, 2.2 or 2.3")
	flag.StringVar(&o.controller, "controller", "", "`URL` of a real Controller, in place of the one in memory")
	flag.StringVar(&o.username, "username", "", "`user` of the real Controller; the password is read from DEIS_PASSWORD")
	flag.StringVar(&o.collaborator, "collaborator", "", "another `user` of the real Controller to share the app with; none if empty")
	flag.StringVar(&o.image, "image", "deis/example-go:latest", "`image` to deploy")
	flag.Parse()
	o.password = os.Getenv("DEIS_PASSWORD")

	ctx, stop := signal.NotifyContext(context.Background(), endSignals...)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

type options struct{ api, controller, username, password, collaborator, image string }

func run(ctx context.Context, out io.Writer, o options) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out = &output{out, cancel}
	if o.controller == "" {
		api, err := version.Parse(o.api)
		if err != nil {
			return err
		}
		server := deistest.NewServer(deistest.WithAPIVersion(api), deistest.WithStartDelay(300*time.Millisecond))
		defer server.Close()
		say(out, "started a Controller in memory at %s", server.URL)
		o.controller, o.username, o.password, o.collaborator = server.URL, "alice", "opensesame", "bob"
		if err := register(ctx, out, o); err != nil {
			return err
		}
	}
	client, err := deis.Login(ctx, o.controller, o.username, o.password)
	if errors.Is(err, auth.ErrInvalidCredentials) {
		return fmt.Errorf("%s: wrong username or password for %q; the password is read from DEIS_PASSWORD", o.controller, o.username)
	}
	if err != nil {
		return err
	}
	api, err := client.Negotiate(ctx)
	if err != nil {
		return err
	}
	say(out, "logged in as %s, speaking API %s", o.username, api)
	return tell(ctx, out, client, o)
}

// An output cancels the story when it is closed, as after "| head".
type output struct {
	io.Writer
	cancel context.CancelCauseFunc
}

// Write always reports success, so that cleaning up goes on without an output.
func (o *output) Write(text []byte) (int, error) {
	if _, err := o.Writer.Write(text); err != nil {
		o.cancel(fmt.Errorf("the output was closed: %w", err))
	}
	return len(text), nil
}

// register creates the accounts of the story on the Controller in memory.
func register(ctx context.Context, out io.Writer, o options) error {
	client, err := deis.New(o.controller)
	if err != nil {
		return err
	}
	for _, name := range []string{o.username, o.collaborator} {
		user, err := client.Auth.Register(ctx, auth.RegisterParams{Username: name, Password: o.password})
		if err != nil {
			return err
		}
		say(out, "registered %s", user.Username)
	}
	return nil
}

// A story is the life of one app. It is the same for all API versions.
type story struct {
	*deis.Client
	out          io.Writer
	app          string
	image        string
	collaborator string
}

// tell creates an app, goes through the chapters of its life, and deletes it.
func tell(ctx context.Context, out io.Writer, client *deis.Client, o options) (err error) {
	// Create cannot be cancelled: otherwise it would not be known whether there is an app to delete.
	create := context.WithoutCancel(ctx)
	app, err := client.Apps.Create(create, apps.CreateParams{ID: fmt.Sprintf("quickstart-%05d", rand.N(100_000))})
	if err != nil {
		return err
	}
	say(out, "created app %s, owned by %s", app.ID, app.Owner)
	defer func() {
		// The app is deleted even if the story was interrupted.
		deleteErr := client.Apps.Delete(context.WithoutCancel(ctx), app.ID)
		if deleteErr == nil {
			say(out, "deleted app %s", app.ID)
		}
		err = errors.Join(err, deleteErr)
	}()
	s := story{Client: client, out: out, app: app.ID, image: o.image, collaborator: o.collaborator}
	for _, chapter := range []func(context.Context) error{
		s.configure, s.deploy, s.scale, s.route, s.pushKey, s.share, s.change, s.runCommand, s.rollBack, s.readLog,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s story) configure(ctx context.Context) error {
	cfg, err := s.Config.SetValues(ctx, s.app, map[string]string{"GREETING": "hello", "PORT": "5000"})
	if err != nil {
		return err
	}
	say(s.out, "set GREETING=%s", cfg.Values["GREETING"])
	return nil
}

func (s story) deploy(ctx context.Context) error {
	build, err := s.Builds.Create(ctx, s.app, builds.CreateParams{
		Image:    s.image,
		Procfile: map[string]string{"web": "example-go", "worker": "sleep 3600"},
	})
	if err != nil {
		return err
	}
	say(s.out, "deployed %s with the processes web and worker", build.Image)
	up, err := s.Pods.WaitReady(ctx, s.app, pods.WaitOptions{Interval: 200 * time.Millisecond})
	if err != nil {
		return err
	}
	say(s.out, "the first build started %s, which is %s", up[0].Name, up[0].State)
	return nil
}

func (s story) scale(ctx context.Context) error {
	want := map[string]int{"web": 2, "worker": 1, "cmd": 0}
	if err := s.Pods.Scale(ctx, s.app, want); err != nil {
		return err
	}
	up, err := s.Pods.WaitReady(ctx, s.app, pods.WaitOptions{Want: want, Interval: 200 * time.Millisecond})
	if err != nil {
		return err
	}
	say(s.out, "scaled to web=2 worker=1, all up:")
	table(s.out, "POD\tTYPE\tRELEASE\tSTATE", up, func(p pods.Pod) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s", p.Name, p.Type, p.Release, p.State)
	})
	return nil
}

// route gives the app a domain and a certificate for it.
func (s story) route(ctx context.Context) error {
	domain, err := s.Domains.Create(ctx, s.app, s.app+".example.com")
	if err != nil {
		return err
	}
	say(s.out, "added the domain %s", domain.Domain)
	certificate, key, err := selfSigned(domain.Domain)
	if err != nil {
		return err
	}
	api, err := s.Negotiate(ctx)
	if err != nil {
		return err
	}
	params := certs.CreateParams{Name: s.app, Certificate: certificate, Key: key}
	if api.Major == 1 {
		params.Name = domain.Domain // v1.6 names a certificate by the domain that it serves
	}
	cert, err := s.Certs.Create(context.WithoutCancel(ctx), params)
	if err != nil {
		return err
	}
	defer func() {
		if err := s.Certs.Delete(context.WithoutCancel(ctx), cert.Name); err == nil {
			say(s.out, "deleted the certificate")
		}
	}()
	say(s.out, "added a certificate for %s, which expires on %s", cert.CommonName, cert.Expires.Format(time.DateOnly))
	err = s.Certs.Attach(ctx, cert.Name, domain.Domain)
	if errors.Is(err, errors.ErrUnsupported) {
		say(s.out, "no need to attach it in API 1.6")
		return nil
	}
	if err != nil {
		return err
	}
	say(s.out, "attached it to %s", domain.Domain)
	return nil
}

// pushKey adds an SSH key to the user's account, and removes it.
func (s story) pushKey(ctx context.Context) error {
	public, err := sshKey()
	if err != nil {
		return err
	}
	key, err := s.Keys.Create(context.WithoutCancel(ctx), keys.CreateParams{ID: s.app + "-key", Public: public})
	if err != nil {
		return err
	}
	say(s.out, "added the key %s, %s", key.ID, key.Fingerprint)
	if err := s.Keys.Delete(context.WithoutCancel(ctx), key.ID); err != nil {
		return err
	}
	say(s.out, "deleted it")
	return nil
}

// share lets another user work on the app.
func (s story) share(ctx context.Context) error {
	if s.collaborator == "" {
		return nil
	}
	if err := s.Perms.Grant(ctx, s.app, s.collaborator); err != nil {
		return err
	}
	users, err := s.Perms.List(ctx, s.app)
	if err != nil {
		return err
	}
	say(s.out, "shared the app with %s", strings.Join(users, ", "))
	return nil
}

func (s story) change(ctx context.Context) error {
	if _, err := s.Config.SetValues(ctx, s.app, map[string]string{"GREETING": "good morning"}); err != nil {
		return err
	}
	all, err := deis.Collect(s.Releases.All(ctx, s.app, releases.ListOptions{}))
	if err != nil {
		return err
	}
	say(s.out, "changed GREETING, which made a release:")
	table(s.out, "RELEASE\tBY\tSUMMARY", all, func(r releases.Release) string {
		return fmt.Sprintf("v%d\t%s\t%s", r.Version, r.Owner, r.Summary)
	})
	return nil
}

func (s story) runCommand(ctx context.Context) error {
	result, err := s.Apps.Run(ctx, s.app, "echo good morning")
	if err != nil {
		return err
	}
	say(s.out, "ran a one-off command, exit status %d: %s", result.ExitCode, strings.TrimSpace(result.Output))
	return nil
}

func (s story) rollBack(ctx context.Context) error {
	release, err := s.Releases.Rollback(ctx, s.app, 0)
	if err != nil {
		return err
	}
	cfg, err := s.Config.Get(ctx, s.app)
	if err != nil {
		return err
	}
	say(s.out, "rolled back in release v%d; GREETING=%s again", release, cfg.Values["GREETING"])
	return nil
}

func (s story) readLog(ctx context.Context) error {
	log, err := s.Apps.Logs(ctx, s.app, apps.LogOptions{Lines: 3})
	if err != nil {
		return err
	}
	say(s.out, "the last lines of the log:")
	for line := range strings.Lines(log) {
		fmt.Fprint(s.out, "    ", line)
	}
	return nil
}

// say prints one line about what was done.
func say(out io.Writer, format string, args ...any) { fmt.Fprintf(out, "• "+format+"\n", args...) }

// table prints rows whose cells are separated by tabs.
func table[T any](out io.Writer, header string, rows []T, cells func(T) string) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "    "+header)
	for _, row := range rows {
		fmt.Fprintln(w, "    "+cells(row))
	}
	w.Flush()
}
