// Package faults checks the promises of the service while it kills brokers and processes. Its tests run the real
// binaries against real brokers. They have the build tag `faults`, because they need those brokers, and minutes instead
// of seconds.
//
// These variables say where the parts are. A test whose part is missing is skipped:
//
//	FAULT_BROKERS    three brokers, host:port with commas between
//	FAULT_KILL       command that ends broker {n} (1, 2, 3) with SIGKILL
//	FAULT_START      command that starts it again and waits until it is part of the cluster
//	FAULT_PAUSE      command that freezes it
//	FAULT_RESUME     command that lets it continue
//	FAULT_DYNAMODB   endpoint of DynamoDB Local
//	FAULT_S3         endpoint of an S3 server
//	FAULT_DURATION   how long faults happen in each test, by default 20s
//	FAULT_SOAK       how long the steady load runs, by default FAULT_DURATION
//	FAULT_SEED       the seed of a run to repeat; each test prints its own
//	FAULT_RATE       about how many requests a second are sent, by default 150
package faults
