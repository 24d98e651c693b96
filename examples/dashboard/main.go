// Command dashboard shows a Controller's apps in the browser: which need attention, who owns them, what is released, which
// pods are up, and the live log. If allowed, it restarts, scales, rolls back and switches maintenance mode.
//
//	go -C examples/dashboard run .                       # demo apps on a Controller in memory, on http://127.0.0.1:8080
//	go -C examples/dashboard run . -allow-writes         # with buttons to change things
//	go -C examples/dashboard run . -controller-from-env  # the Controller of DEIS_CONTROLLER and DEIS_TOKEN, or of the profile
//
// It has no login: anyone who reaches its address sees what its token may see, including config values. So it listens on
// loopback addresses only, unless -allow-hosts gives the host names that browsers may use.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Stdout, os.Stderr, o); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

type options struct {
	addr, allowHosts string
	allowWrites      bool
	requests         float64 // a second; 0: the default

	// The Controller to show; see connect.
	api                                  string
	fromEnv                              bool
	controllerURL, profile, username, ca string
}

func parse(args []string, errOut io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("dashboard", flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 takes a free one")
	flags.StringVar(&o.allowHosts, "allow-hosts", "", "comma-separated host `names` that browsers may use besides localhost; required for an -addr that is not loopback")
	flags.BoolVar(&o.allowWrites, "allow-writes", false, "let the dashboard restart, scale, roll back and change settings; otherwise it is read-only")
	flags.Float64Var(&o.requests, "requests", 0, "maximum `number` of requests a second for reading from the Controller, for all viewers together; 0 means 2, or 20 for the Controller in memory")
	flags.StringVar(&o.api, "api", "2.3", "API `version` of the Controller in memory: 1.6, 2.2 or 2.3")
	flags.BoolVar(&o.fromEnv, "controller-from-env", false, "show the Controller of DEIS_CONTROLLER and DEIS_TOKEN, or of the profile, instead of one in memory")
	flags.StringVar(&o.controllerURL, "controller", "", "`URL` of the Controller to show, instead of DEIS_CONTROLLER")
	flags.StringVar(&o.profile, "profile", "", "`name` of a profile that deis login wrote, or the path of its file")
	flags.StringVar(&o.username, "username", "", "log in as this `user`, with the password in DEIS_PASSWORD, instead of using a token")
	flags.StringVar(&o.ca, "ca-file", "", "`file` with the certificate (PEM) of the authority that issued the Controller's certificate")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q: use flags only", flags.Arg(0))
	case o.requests < 0:
		return o, errors.New("-requests must not be negative")
	case o.profile != "" && (o.controllerURL != "" || o.username != ""):
		return o, errors.New("-profile already names the Controller and the user: omit -controller and -username")
	case o.ca != "" && o.inMemory():
		return o, errors.New("-ca-file needs a Controller: name it with -controller-from-env, -controller or -profile")
	}
	return o, nil
}

// inMemory reports whether no Controller is named.
func (o *options) inMemory() bool {
	return !o.fromEnv && o.controllerURL == "" && o.profile == "" && o.username == ""
}

const (
	refreshEvery    = 5 * time.Second // how often an open page refreshes
	shutdownTimeout = 10 * time.Second
)

// run serves the dashboard until the context ends.
func run(ctx context.Context, out, logs io.Writer, o options) error {
	ctx, cancel := context.WithCancel(ctx) // so that the reader and the demo end if the server fails
	defer cancel()
	log := slog.New(slog.NewTextHandler(logs, nil))
	d, err := connect(ctx, o, log)
	if err != nil {
		return err
	}
	d.writes = o.allowWrites
	for name := range strings.SplitSeq(o.allowHosts, ",") {
		if name = strings.TrimSpace(name); name != "" {
			d.hosts = append(d.hosts, name)
		}
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	if !isLoopback(listener.Addr()) && len(d.hosts) == 0 {
		listener.Close()
		return fmt.Errorf("others can reach %s, and there is no login: give the host names that browsers may use with -allow-hosts, or listen on 127.0.0.1", o.addr)
	}
	mode := "read-only; -allow-writes allows changes"
	if o.allowWrites {
		mode = "changes allowed"
	}
	fmt.Fprintf(out, "Dashboard for %s at http://%s (%s)\n", d.controller, listener.Addr(), mode)
	go d.reader.Run(ctx)
	return d.serve(ctx, listener)
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// serve handles requests until the context ends. Then it ends the streams, and waits for the other requests.
func (d *dashboard) serve(ctx context.Context, listener net.Listener) error {
	closing, closeStreams := context.WithCancel(context.Background())
	defer closeStreams()
	d.closing = closing
	server := &http.Server{
		Handler:           d.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(closeStreams)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	wait, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(wait); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close() // the Controller completes a write that is still in progress
}
