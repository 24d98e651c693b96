package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/deisgo/deis/deistest"
)

// faults are the values of the flag -fault.
type faults []deistest.Fault

// String implements flag.Value. There is no default to show.
func (*faults) String() string { return "" }

// Set reads one fault.
func (list *faults) Set(s string) error {
	f, err := parseFault(s)
	if err == nil {
		*list = append(*list, f)
	}
	return err
}

// parseFault reads a fault such as "POST /apps/*/builds/ 503 times=2". The words after the path can be in any order,
// except that a body is last and extends to the end.
func parseFault(s string) (f deistest.Fault, err error) {
	s, f.Body, _ = strings.Cut(s, " body=")
	words := strings.Fields(s)
	if len(words) < 3 {
		return f, errors.New("want METHOD PATH WHAT, as in 'POST /apps/ 503'")
	}
	if f.Method = words[0]; f.Method == "*" {
		f.Method = ""
	}
	f.Path = words[1]
	for _, word := range words[2:] {
		if err := setFault(&f, word); err != nil {
			return f, fmt.Errorf("%q: %w", word, err)
		}
	}
	// deistest panics on a fault that contradicts itself. Here that is a mistake in the flag.
	defer func() {
		if mistake := recover(); mistake != nil {
			err = fmt.Errorf("%v", mistake)
		}
	}()
	deistest.WithFault(f)
	return f, nil
}

func setFault(f *deistest.Fault, word string) (err error) {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "drop":
		f.Drop = true
	case "hang":
		f.Hang = true
	case "truncate":
		f.Truncate = true
	case "proxy":
		f.Proxy = true
	case "after":
		f.After = true
	case "late":
		f.Late, err = time.ParseDuration(value)
	case "delay":
		f.Delay, err = time.ParseDuration(value)
	case "skip":
		f.Skip, err = strconv.Atoi(value)
	case "times":
		f.Times, err = strconv.Atoi(value)
	default:
		f.Status, err = strconv.Atoi(word)
	}
	return err
}
