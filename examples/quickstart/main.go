// Command quickstart does with the SDK what an app goes through in its life: it is created, configured, deployed,
// scaled, watched, rolled back and deleted.
//
//	go run ./examples/quickstart                     # a Controller in memory, API 2.2
//	go run ./examples/quickstart -api 1.6            # the same program against API 1.6
//	DEIS_PASSWORD=… go run ./examples/quickstart -controller https://deis.example.com -username alice
//
// The app gets a name of its own, and is deleted in the end, also after an error.
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
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/version"
)

func main() {
	var o options
	flag.StringVar(&o.api, "api", "2.2", "API `version` of the Controller in memory, 1.6 or 2.2")
	flag.StringVar(&o.controller, "controller", "", "`URL` of a real Controller, in place of the one in memory")
	flag.StringVar(&o.username, "username", "", "`user` of the real Controller; the password is read from DEIS_PASSWORD")
	flag.StringVar(&o.image, "image", "deis/example-go:latest", "`image` to deploy")
	flag.Parse()
	o.password = os.Getenv("DEIS_PASSWORD")

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

type options struct{ api, controller, username, password, image string }

func run(ctx context.Context, out io.Writer, o options) error {
	if o.controller == "" {
		api, err := version.Parse(o.api)
		if err != nil {
			return err
		}
		server := deistest.NewServer(deistest.WithAPIVersion(api), deistest.WithStartDelay(300*time.Millisecond))
		defer server.Close()
		say(out, "started a Controller in memory at %s", server.URL)
		o.controller, o.username, o.password = server.URL, "alice", "opensesame"
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
	return story(ctx, out, client, o.image)
}

func register(ctx context.Context, out io.Writer, o options) error {
	visitor, err := deis.New(o.controller)
	if err != nil {
		return err
	}
	user, err := visitor.Auth.Register(ctx, auth.RegisterParams{
		Username: o.username,
		Password: o.password,
		Email:    "alice@example.com",
	})
	if err != nil {
		return err
	}
	say(out, "registered %s", user.Username)
	return nil
}

// story is the life of an app. It is the same for both API versions.
func story(ctx context.Context, out io.Writer, client *deis.Client, image string) (err error) {
	app, err := client.Apps.Create(ctx, apps.CreateParams{ID: fmt.Sprintf("quickstart-%05d", rand.N(100_000))})
	if err != nil {
		return err
	}
	say(out, "created app %s, owned by %s", app.ID, app.Owner)
	defer func() {
		// Also when the story was interrupted: the app must not stay.
		deleteErr := client.Apps.Delete(context.WithoutCancel(ctx), app.ID)
		if deleteErr == nil {
			say(out, "deleted app %s", app.ID)
		}
		err = errors.Join(err, deleteErr)
	}()

	cfg, err := client.Config.SetValues(ctx, app.ID, map[string]string{"GREETING": "hello", "PORT": "5000"})
	if err != nil {
		return err
	}
	say(out, "set GREETING=%s", cfg.Values["GREETING"])

	build, err := client.Builds.Create(ctx, app.ID, builds.CreateParams{
		Image:    image,
		Procfile: map[string]string{"web": "example-go", "worker": "sleep 3600"},
	})
	if err != nil {
		return err
	}
	say(out, "deployed %s with the processes web and worker", build.Image)

	up, err := client.Pods.WaitReady(ctx, app.ID, pods.WaitOptions{Interval: 200 * time.Millisecond})
	if err != nil {
		return err
	}
	say(out, "the first build started by itself: %s, which is %s", up[0].Name, up[0].State)

	want := map[string]int{"web": 2, "worker": 1, "cmd": 0}
	if err := client.Pods.Scale(ctx, app.ID, want); err != nil {
		return err
	}
	up, err = client.Pods.WaitReady(ctx, app.ID, pods.WaitOptions{Want: want, Interval: 200 * time.Millisecond})
	if err != nil {
		return err
	}
	say(out, "scaled to web=2 worker=1, all up:")
	table(out, "POD\tTYPE\tRELEASE\tSTATE", up, func(p pods.Pod) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s", p.Name, p.Type, p.Release, p.State)
	})

	if _, err := client.Config.SetValues(ctx, app.ID, map[string]string{"GREETING": "good morning"}); err != nil {
		return err
	}
	say(out, "changed GREETING, which makes a release:")
	if err := printReleases(ctx, out, client, app.ID); err != nil {
		return err
	}

	result, err := client.Apps.Run(ctx, app.ID, "echo good morning")
	if err != nil {
		return err
	}
	say(out, "ran a one-off command, exit status %d: %s", result.ExitCode, strings.TrimSpace(result.Output))

	previous, err := client.Releases.Rollback(ctx, app.ID, 0)
	if err != nil {
		return err
	}
	cfg, err = client.Config.Get(ctx, app.ID)
	if err != nil {
		return err
	}
	say(out, "rolled back, which is release v%d; GREETING=%s again", previous, cfg.Values["GREETING"])

	log, err := client.Apps.Logs(ctx, app.ID, apps.LogOptions{Lines: 3})
	if err != nil {
		return err
	}
	say(out, "the last lines of the log:")
	for line := range strings.Lines(log) {
		fmt.Fprint(out, "    ", line)
	}
	return nil
}

func printReleases(ctx context.Context, out io.Writer, client *deis.Client, app string) error {
	all, err := deis.Collect(client.Releases.All(ctx, app, releases.ListOptions{}))
	if err != nil {
		return err
	}
	table(out, "RELEASE\tBY\tWHAT", all, func(r releases.Release) string {
		return fmt.Sprintf("v%d\t%s\t%s", r.Version, r.Owner, r.Summary)
	})
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
