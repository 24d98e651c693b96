// Command bench compares the SDK with the same work done by hand with net/http, and prints a table of ratios:
//
//	go -C tools run ./bench -short
//
// Each round runs every benchmark once, with its sides in random order: the two sides of a ratio are measured right after
// each other, so that a noisy machine disturbs both. A ratio in the table is the median over the rounds. Many short rounds
// are more reliable than a few long ones.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const baseline = "nethttp"

// A row is one benchmark. values are by side and unit, one for each round.
type row struct {
	name   string
	values map[string]map[string][]float64
}

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 100, "number of rounds")
	pattern := flag.String("bench", ".", "pattern of the benchmarks, as for go test -bench")
	benchtime := flag.String("benchtime", "0.1s", "time for each benchmark, as for go test -benchtime")
	short := flag.Bool("short", false, "skip the longest benchmarks")
	flag.Parse()
	if err := run(*rounds, *pattern, *benchtime, *short); err != nil {
		log.Fatal(err)
	}
}

func run(rounds int, pattern, benchtime string, short bool) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "benchmarks.test")
	build := exec.Command("go", "test", "-c", "-o", binary, "./benchmarks")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building the benchmarks (the working directory must be tools): %w", err)
	}
	var rows []*row
	for i := range rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, rounds)
		bench := exec.Command(binary, "-test.run", "^$", "-test.bench", pattern, "-test.benchmem", "-test.timeout", "0",
			"-test.benchtime", benchtime, "-test.short="+strconv.FormatBool(short))
		bench.Stderr = os.Stderr
		out, err := bench.Output()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		if rows, err = read(rows, bytes.NewReader(out)); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return errors.New("no benchmark matches the pattern")
	}
	fmt.Println("| | time | bytes | allocations | ns | B | allocations | middle half of the times |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|")
	for _, r := range rows {
		for _, side := range []string{"sdk", "retryablehttp"} {
			if r.values[side] != nil {
				r.print(side)
			}
		}
	}
	return nil
}

// read adds the values of one round to the rows.
func read(rows []*row, out io.Reader) ([]*row, error) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name, side, _ := strings.Cut(strings.TrimPrefix(fields[0], "Benchmark"), "/")
		if dash := strings.LastIndexByte(side, '-'); dash >= 0 { // GOMAXPROCS
			side = side[:dash]
		}
		i := slices.IndexFunc(rows, func(r *row) bool { return r.name == name })
		if i < 0 {
			i = len(rows)
			rows = append(rows, &row{name: name, values: make(map[string]map[string][]float64)})
		}
		r := rows[i]
		if r.values[side] == nil {
			r.values[side] = make(map[string][]float64)
		}
		for f := 2; f+1 < len(fields); f += 2 {
			value, err := strconv.ParseFloat(fields[f], 64)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", lines.Text(), err)
			}
			r.values[side][fields[f+1]] = append(r.values[side][fields[f+1]], value)
		}
	}
	return rows, lines.Err()
}

func (r *row) print(side string) {
	ratios := func(unit string) []float64 {
		var all []float64
		base := r.values[baseline][unit]
		for i, value := range r.values[side][unit] {
			if i < len(base) && base[i] != 0 {
				all = append(all, value/base[i])
			}
		}
		return all
	}
	name := r.name
	if side != "sdk" {
		name += ", " + side
	}
	times := ratios("ns/op")
	fmt.Printf("| %s | %.2f | %.2f | %.2f | %.0f | %.0f | %.0f | %.2f to %.2f |\n", name,
		quantile(times, 0.5), quantile(ratios("B/op"), 0.5), quantile(ratios("allocs/op"), 0.5),
		quantile(r.values[side]["ns/op"], 0.5), quantile(r.values[side]["B/op"], 0.5), quantile(r.values[side]["allocs/op"], 0.5),
		quantile(times, 0.25), quantile(times, 0.75))
}

// quantile returns the value below which the given part of all values lies, or 0 if there are none.
func quantile(all []float64, part float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
