// Package trigger is the event source mapping of Amazon MSK for machines without AWS: it reads a topic as a consumer
// group, hands batches to a function in the payload that AWS Lambda uses, and commits what the function took.
//
// A [Mapping] does the reading, batching, retrying and committing. It reaches the function by an [Invoker]: in process
// ([InProcess]), or through the Lambda Runtime API with the real bootstrap binary as a child process ([RuntimeAPI]).
// The function cannot tell the difference from AWS, so what is tried here is what is deployed there.
//
// Delivery is at least once. A record is committed after the function took it, or after it was written to the
// on-failure destination of provisioned mode; no record is ever passed over.
package trigger
