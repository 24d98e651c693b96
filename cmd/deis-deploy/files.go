package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// readFile parses a file, line by line; no path means nothing. Its error names the file and the line.
func readFile[T any](path string, parse func(line string) (string, T, error)) (map[string]T, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all := make(map[string]T)
	for i, line := range strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, err := parse(line)
		if _, twice := all[key]; err == nil && twice {
			err = fmt.Errorf("%s stands here twice", key)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		all[key] = value
	}
	return all, nil
}

var procfileLine = regexp.MustCompile(`^([A-Za-z0-9_-]+):\s*(\S.*)$`)

func parseProcfile(line string) (kind, command string, err error) {
	found := procfileLine.FindStringSubmatch(line)
	if found == nil {
		return "", "", fmt.Errorf("want a process type and a command, as web: ./server")
	}
	return found[1], found[2], nil
}

// parseEnv reads NAME=value, with or without export before it and quotes around the value. Its errors show no values.
func parseEnv(line string) (name string, value *string, err error) {
	name, text, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
	name, text = strings.TrimSpace(name), strings.TrimSpace(text)
	switch {
	case !found || name == "" || strings.ContainsAny(name, " \t"):
		return "", nil, fmt.Errorf("want a variable, as NAME=value")
	case len(text) >= 2 && text[0] == '\'' && text[len(text)-1] == '\'':
		text = text[1 : len(text)-1]
	case len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"':
		if text, err = strconv.Unquote(text); err != nil {
			return "", nil, fmt.Errorf("the quoted value of %s cannot be read", name)
		}
	}
	return name, &text, nil
}

func parseScale(text string) (map[string]int, error) {
	if text == "" {
		return nil, nil
	}
	all := make(map[string]int)
	for part := range strings.SplitSeq(text, ",") {
		kind, number, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || kind == "" {
			return nil, fmt.Errorf("-scale %q: want types and numbers, as web=3,worker=1", text)
		}
		all[kind] = n
	}
	return all, nil
}
