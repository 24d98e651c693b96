// Command zipsize measures what an importer of the SDK downloads and keeps:
//
//	go -C tools run ./zipsize
//
// It takes the committed files (git archive HEAD), leaves out what the module proxy leaves out (golang.org/x/mod/zip), such
// as nested modules, and adds up the sizes of the unpacked files. It fails if the sum is more than 1.5 MB.
package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	modzip "golang.org/x/mod/zip"
)

const limit = 1_500_000

func main() {
	log.SetFlags(0)
	sizes, err := unpackedSizes("..")
	if err != nil {
		log.Fatal(err)
	}
	total := 0
	folders := make(map[string]int)
	for name, size := range sizes {
		folder, _, nested := strings.Cut(name, "/")
		if !nested {
			folder = "."
		}
		folders[folder] += size
		total += size
	}
	bySize := slices.SortedFunc(maps.Keys(folders), func(a, b string) int { return cmp.Compare(folders[b], folders[a]) })
	for _, folder := range bySize {
		fmt.Printf("%9d bytes  %s\n", folders[folder], folder)
	}
	fmt.Printf("%9d bytes in %d files, of at most %d\n", total, len(sizes), limit)
	if total > limit {
		log.Fatal("the module is too large: move files that importers do not need to a separate module")
	}
}

// unpackedSizes returns the size of each file in the module's zip, for the module at the root of a git repository.
func unpackedSizes(root string) (map[string]int, error) {
	git := exec.Command("git", "archive", "--format=zip", "HEAD")
	git.Dir, git.Stderr = root, os.Stderr
	archive, err := git.Output()
	if err != nil {
		return nil, fmt.Errorf("git archive: %w", err)
	}
	committed, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	all := make(map[string]int)
	var files []modzip.File
	for _, f := range committed.File {
		if !f.FileInfo().IsDir() {
			all[f.Name] = int(f.UncompressedSize64)
			files = append(files, archived{f})
		}
	}
	checked, err := modzip.CheckFiles(files)
	if err != nil {
		return nil, err
	}
	sizes := make(map[string]int)
	for _, name := range checked.Valid {
		sizes[name] = all[name]
	}
	return sizes, nil
}

// archived makes a file of a git archive a modzip.File.
type archived struct{ *zip.File }

func (f archived) Path() string                 { return f.Name }
func (f archived) Lstat() (fs.FileInfo, error)  { return f.FileInfo(), nil }
func (f archived) Open() (io.ReadCloser, error) { return f.File.Open() }
