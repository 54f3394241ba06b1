// Package hostile attacks the API as strangers do, over sockets and within the memory that the smallest stack gives it,
// and holds what that costs beside what the documents promise. Its tests have the build tag `hostile`, because they
// build and run the real binary and take half a minute:
//
//	go test -tags hostile -count=1 -v ./hostile
//
// The API runs in a control group of 320 MiB where this user may make one, else with GOMEMLIMIT alone; its peak of
// resident memory is measured in both. The broker is the embedded one, in the test's own process. HOSTILE_SCALE
// multiplies how much is done, by default 1; HOSTILE_TLS=true attacks over TLS.
package hostile
