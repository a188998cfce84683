// A build process that answers nothing, and ends when it is told to build the model `die`.
process.on('message', ({ request }) => {
  if (request.label.model === 'die') process.exit(3);
  if (request.label.model === 'fail') process.send({ kind: 'failed', text: 'a mistake' });
  if (request.label.model === 'pid')
    process.send({ kind: 'done', reply: { kind: 'no-cache', reason: `${process.pid}` } });
});
