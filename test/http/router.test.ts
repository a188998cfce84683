import { describe, expect, it } from 'vitest';
import type { Route } from '#naiad/http/route.js';
import { findRoute, splitTarget } from '#naiad/http/router.js';
import { aRoute } from './harness.js';

const answer: Route['answer'] = () => ({ kind: 'whole', status: 200, contentType: 'text/plain', body: '' });
const READ = aRoute(answer, { pattern: /^\/a(?:\/(?<name>[^/]+))?$/, methods: ['GET'] });
const WRITE = aRoute(answer, { pattern: /^\/a$/, methods: ['POST'] });
const ROUTES = [READ, WRITE];

describe('findRoute', () => {
  it.each([
    ['GET', '/a', READ, {}],
    ['HEAD', '/a', READ, {}],
    ['POST', '/a', WRITE, {}],
    ['GET', '/a/two%20words', READ, { name: 'two words' }],
    ['GET', '/a/b%2Fc', READ, { name: 'b/c' }],
    ['GET', '/a/gr%C3%B6%C3%9Fe', READ, { name: 'größe' }],
    ['GET', '/a/a+b', READ, { name: 'a+b' }],
  ])('%s %s', (method, path, route, names) => {
    expect(findRoute(ROUTES, method, path)).toEqual({ kind: 'route', route, names });
  });

  it.each([
    ['DELETE', '/a', READ, 'GET, HEAD, POST'],
    ['POST', '/a/b', READ, 'GET, HEAD'],
    ['CONNECT', '/a/b', READ, 'GET, HEAD'],
  ])('%s %s is not allowed', (method, path, route, allow) => {
    expect(findRoute(ROUTES, method, path)).toEqual({ kind: 'method', route, allow });
  });

  it.each(['/', '', '/a/', '/a/b/c', '/A', '/a/%', '/a/%zz', '/a/%E0%A4'])('nothing is at %j', (path) => {
    expect(findRoute(ROUTES, 'GET', path)).toEqual({ kind: 'none' });
  });
});

describe('splitTarget', () => {
  it.each([
    ['/v2', '/v2', ''],
    ['/v2?a=b?c', '/v2', 'a=b?c'],
    ['http://example.com:8000/v2?x', '/v2', 'x'],
    ['HTTPS://example.com', '', ''],
    ['//v2', '//v2', ''],
    [Buffer.from('/größe').toString('latin1'), '/größe', ''],
    ['*', '*', ''],
  ])('%s', (target, path, query) => {
    expect(splitTarget(target)).toEqual({ path, query });
  });
});
