// Checks bundles and proofs with what the world uses for its transparency logs, none of it ours:
// golang.org/x/mod/sumdb/note for signatures, github.com/transparency-dev/merkle for trees.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

type event struct {
	Key     string
	Headers map[string]string
	Body    string
}

type inclusion struct {
	Event      event
	LeafIndex  uint64 `json:"leaf_index"`
	Inclusion  []string
	Checkpoint string
	From, To   uint64
	Proof      []string
	Older      string
}

type manifest struct {
	First uint64            `json:"first_position"`
	Last  uint64            `json:"last_position"`
	Files map[string]string `json:"files"`
}

func must(err error) {
	if err != nil {
		fmt.Println("NOT VERIFIED:", err)
		os.Exit(1)
	}
}

func opened(text string, key note.Verifier) (uint64, []byte) {
	signed, err := note.Open([]byte(text), note.VerifierList(key))
	must(err)
	lines := strings.Split(signed.Text, "\n")
	size, err := strconv.ParseUint(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	return size, root
}

func nodes(coded []string) [][]byte {
	var found [][]byte
	for _, one := range coded {
		raw, err := hex.DecodeString(one)
		must(err)
		found = append(found, raw)
	}
	return found
}

func hashed(one event) []byte {
	prev, err := hex.DecodeString(one.Headers["ce_prevhash"])
	must(err)
	var names []string
	for name := range one.Headers {
		if strings.HasPrefix(name, "ce_") && name != "ce_prevhash" {
			names = append(names, strings.TrimPrefix(name, "ce_"))
		}
	}
	sort.Strings(names)
	body, err := base64.StdEncoding.Strict().DecodeString(one.Body)
	must(err)
	text := bytes.NewBuffer(prev)
	for _, name := range names {
		fmt.Fprintf(text, "%s=%s\n", name, one.Headers["ce_"+name])
	}
	fmt.Fprintf(text, "key=%s\n\n", one.Key)
	text.Write(body)
	sum := sha256.Sum256(text.Bytes())
	return sum[:]
}

func included(index, size uint64, hash []byte, path []string, root []byte) {
	leaf := rfc6962.DefaultHasher.HashLeaf(hash)
	must(proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaf, nodes(path), root))
}

func read(file string, into any) {
	raw, err := os.ReadFile(file)
	must(err)
	must(json.Unmarshal(raw, into))
}

func checkProof(file string, key note.Verifier) {
	var one inclusion
	read(file, &one)
	size, root := opened(one.Checkpoint, key)
	if one.Older != "" {
		older, olderRoot := opened(one.Older, key)
		must(proof.VerifyConsistency(rfc6962.DefaultHasher, older, size, nodes(one.Proof), olderRoot, root))
		return
	}
	included(one.LeafIndex, size, hashed(one.Event), one.Inclusion, root)
}

func checkBundle(folder string, key note.Verifier) {
	var told manifest
	read(filepath.Join(folder, "manifest.json"), &told)
	for name, digest := range told.Files {
		raw, err := os.ReadFile(filepath.Join(folder, name))
		must(err)
		if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != digest {
			must(fmt.Errorf("%s was changed", name))
		}
	}
	var ends map[string]inclusion
	read(filepath.Join(folder, "proofs.json"), &ends)
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint.note"))
	must(err)
	size, root := opened(string(signed), key)
	file, err := os.Open(filepath.Join(folder, "events.ndjson"))
	must(err)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	var last []byte
	position := told.First
	for ; lines.Scan(); position++ {
		var one event
		must(json.Unmarshal(lines.Bytes(), &one))
		if last != nil && one.Headers["ce_prevhash"] != hex.EncodeToString(last) {
			must(fmt.Errorf("position %d does not follow", position))
		}
		if last = hashed(one); position == told.First {
			included(position-1, size, last, ends["first"].Inclusion, root)
		}
	}
	must(lines.Err())
	if position != told.Last+1 {
		must(fmt.Errorf("the events end before position %d", told.Last))
	}
	included(told.Last-1, size, last, ends["last"].Inclusion, root)
}

func main() {
	key, err := note.NewVerifier(os.Args[1])
	must(err)
	for _, name := range os.Args[2:] {
		if found, err := os.Stat(name); err == nil && found.IsDir() {
			checkBundle(name, key)
		} else {
			checkProof(name, key)
		}
		fmt.Println("verified:", name)
	}
}
