// Command dashboard shows a Controller's apps in the browser: who owns what, what is released, which pods are up, and
// the log as it comes. It can scale and roll back, if it is told that it may.
//
//	go -C examples/dashboard run .                       # a Controller in memory, full of life, on http://127.0.0.1:8080
//	go -C examples/dashboard run . -allow-writes         # with buttons to scale and to roll back
//	go -C examples/dashboard run . -controller-from-env  # the Controller of DEIS_CONTROLLER and DEIS_TOKEN, or of the profile
//
// It has no login: who reaches its address sees what the token may see, values of config included. So it listens on
// loopback addresses only, unless -allow-hosts names the hosts that browsers may reach it by.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/version"
)

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 takes a free one")
	flag.StringVar(&o.allowHosts, "allow-hosts", "", "`names` that browsers may reach the dashboard by beside localhost, separated by commas; allows an -addr that is not loopback")
	flag.BoolVar(&o.allowWrites, "allow-writes", false, "let the dashboard scale and roll back; without it, it only reads")
	flag.StringVar(&o.api, "api", "2.2", "API `version` of the Controller in memory, 1.6 or 2.2")
	flag.BoolVar(&o.fromEnv, "controller-from-env", false, "show the Controller of DEIS_CONTROLLER and DEIS_TOKEN, or of the profile, in place of one in memory")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Stdout, os.Stderr, o); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

type options struct {
	addr, allowHosts, api string
	allowWrites, fromEnv  bool
}

const (
	refreshEvery = 5 * time.Second // how often an open page looks again
	askEvery     = time.Second     // how often the log is asked for while lines come
	goodbye      = 10 * time.Second
)

// run serves the dashboard until the context ends.
func run(ctx context.Context, out, logs io.Writer, o options) error {
	d := &dashboard{
		writes:  o.allowWrites,
		log:     slog.New(slog.NewTextHandler(logs, nil)),
		refresh: refreshEvery,
		ask:     askEvery,
	}
	for name := range strings.SplitSeq(o.allowHosts, ",") {
		if name = strings.TrimSpace(name); name != "" {
			d.hosts = append(d.hosts, name)
		}
	}
	ctx, cancel := context.WithCancel(ctx) // ends the demo's life also when the server fails
	defer cancel()
	if err := d.connect(ctx, o); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	if !isLoopback(listener.Addr()) && len(d.hosts) == 0 {
		listener.Close()
		return fmt.Errorf("%s can be reached by others, and there is no login; name the hosts that may be used for it with -allow-hosts, or listen on 127.0.0.1", o.addr)
	}
	mode := "read-only; -allow-writes lets it scale and roll back"
	if o.allowWrites {
		mode = "it may scale and roll back"
	}
	fmt.Fprintf(out, "Dashboard of %s on http://%s (%s)\n", d.controller, listener.Addr(), mode)
	return d.serve(ctx, listener)
}

// connect makes the client of the Controller that is asked for.
func (d *dashboard) connect(ctx context.Context, o options) (err error) {
	if o.fromEnv {
		d.client, err = deis.FromEnv(deis.WithApplication("dashboard", version.SDK))
		d.controller = controllerHost()
		return err
	}
	api, err := version.Parse(o.api)
	if err != nil {
		return err
	}
	if _, err := version.Negotiate(api); err != nil {
		return err
	}
	demo, err := newDemo(ctx, api)
	if err != nil {
		return err
	}
	go demo.live(ctx, time.Second)
	d.client, d.controller = demo.admin, "a Controller in memory"
	return nil
}

// controllerHost names the Controller that deis.FromEnv means, without what else its URL may hold.
func controllerHost() string {
	address := os.Getenv("DEIS_CONTROLLER")
	if address == "" {
		profile, err := deis.LoadProfile("")
		if err != nil {
			return "" // FromEnv says it
		}
		address = profile.Controller
	}
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return cmp.Or(parsed.Host, "the Controller")
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// serve answers until the context ends; then it ends the streams, and waits for what is being done.
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
	wait, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	if err := server.Shutdown(wait); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close() // a write that is still going on goes on at the Controller
}
