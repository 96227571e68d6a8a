// What Go's net/http and net/url make of each path on standard input: one line of letters each, `p` below /private, `t` below
// /team, `o` below /open, `-` for the rest, the capital for the path itself; `q` where the query has key=SECRET, `n` where it has not.
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
)

var names = []struct{ name, letter string }{{"/private", "p"}, {"/team", "t"}, {"/open", "o"}}

func letter(read string) string {
	for _, one := range names {
		if read == one.name {
			return one.letter + strings.ToUpper(one.letter)
		}
		if strings.HasPrefix(read, one.name+"/") {
			return one.letter
		}
	}
	return "-"
}

func letters(read string) string {
	return letter(read) + letter(strings.ToLower(read)) + letter(path.Clean(read)) + letter(path.Clean(strings.ToLower(read)))
}

// Whether one of the values of `key` is the secret, and whether one is not.
func query(values url.Values) string {
	found := ""
	for _, value := range values["key"] {
		if value == "SECRET" {
			found += "q"
		} else {
			found += "n"
		}
	}
	if found == "" {
		return "n"
	}
	return found
}

func main() {
	mux := http.NewServeMux()
	for _, one := range names {
		mux.Handle(one.name, http.NotFoundHandler())
		mux.Handle(one.name+"/", http.NotFoundHandler())
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		target := lines.Text()
		found := ""
		request, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: gw\r\n\r\n")))
		if err == nil {
			found += letters(request.URL.Path) + letters(request.URL.EscapedPath()) + query(request.URL.Query())
			if twice, err := url.PathUnescape(request.URL.Path); err == nil {
				found += letters(twice)
			}
			if _, pattern := mux.Handler(request); pattern != "" {
				found += letter(strings.TrimSuffix(pattern, "/"))
			}
		}
		if parsed, err := url.Parse(target); err == nil {
			found += letters(parsed.Path) + letters(parsed.EscapedPath())
		}
		set := ""
		for _, one := range found {
			if !strings.ContainsRune(set, one) {
				set += string(one)
			}
		}
		fmt.Fprintln(out, set)
	}
}
