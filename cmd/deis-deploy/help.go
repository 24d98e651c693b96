package main

import (
	"flag"
	"fmt"
	"io"
)

// helpGroups are the flags in the order in which -h lists them.
var helpGroups = []struct {
	title string
	flags []string
}{
	{"What to deploy", []string{"app", "image", "procfile", "create", "force"}},
	{"What the app runs with; all but -maintenance can be given several times", []string{
		"set", "unset", "env-file", "scale", "limit", "limit-cpu", "tag", "domain", "autoscale", "maintenance"}},
	{"How to deploy", []string{"rollback", "timeout", "log-lines", "dry-run", "json", "v"}},
	{"Where to deploy", []string{"controller", "username", "profile", "ca-file", "embedded", "api"}},
	{"Others", []string{"version", "h"}},
}

const helpHead = `deis-deploy brings an app to the state that its flags describe, waits until the app runs, and with -rollback goes
back if it does not. What no flag names stays as it is. Run twice, it changes nothing the second time.

Examples:

  deis-deploy -app example-go -image deis/example-go:v2 -rollback
  deis-deploy -app example-go -image deis/example-go:v2 -procfile Procfile -env-file prod.env \
      -scale web=3,worker=1 -create -rollback -timeout 5m
  deis-deploy -app example-go -set GREETING=hello -unset DEBUG -limit web=512M -dry-run
  deis-deploy -app example-go -image deis/example-go:v2 -json | jq -s last
  deis-deploy -embedded -app example-go -create -image deis/example-go:v2    # to try it, without a Controller
`

const helpTail = `
A .env file has one NAME=value per line. Quotes may span lines; in double quotes, \n, \" and \$ are escapes. "export" and
comments are allowed. Variables in values are not replaced: a $ that other programs would replace is an error, except in
single quotes. A Procfile is YAML, as for the deis client.

A signal (interrupt, terminate, hangup) ends the deploy, and with -rollback starts going back. A second signal ends the
program at once, and it says what is left undone. A closed standard output does not stop it.

Environment:

  DEIS_CONTROLLER, DEIS_TOKEN  the Controller and a token for it; without them, the profile that deis login wrote
  DEIS_PASSWORD                the password for -username
  DEIS_PROFILE                 the profile to use without -profile, DEIS_CONTROLLER and DEIS_TOKEN; "client" if empty
  HTTPS_PROXY, NO_PROXY        as usual

Exit statuses:

  0  deployed, or nothing to do; with -dry-run, whatever would change
  1  failed; the app may not be as it was
  2  wrong usage: a mistake in flags, files or environment; nothing was changed
  3  failed, and with -rollback the app runs what it ran before

Events and results go to standard output, failures to standard error. With -json, the last line of standard output is
always the result. Unlike events, it has "ok", and it has a "reason":
`

func printHelp(out io.Writer) {
	flags := define(new(options), new(raw))
	flags.Bool("h", false, "print this help")
	fmt.Fprint(out, helpHead)
	for _, group := range helpGroups {
		fmt.Fprintf(out, "\n%s:\n\n", group.title)
		for _, name := range group.flags {
			f := flags.Lookup(name)
			value, usage := flag.UnquoteUsage(f)
			title := "-" + name
			if value != "" {
				title += " " + value
			}
			if f.DefValue != "" && f.DefValue != "false" {
				usage += fmt.Sprintf(" (default %s)", f.DefValue)
			}
			fmt.Fprintf(out, "  %-24s  %s\n", title, usage)
		}
	}
	fmt.Fprint(out, helpTail)
	for _, reason := range reasons {
		fmt.Fprintf(out, "\n  %-12s  %s", reason.name, reason.meaning)
	}
	fmt.Fprintln(out)
}
